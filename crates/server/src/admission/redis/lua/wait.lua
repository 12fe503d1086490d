-- wait: puts a user at the end of the line, or answers with a reservation if a place is free.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, login, nonce, staff, over?, address?, waiters_max
-- answer   {reserved}, {position, fresh}, or {refused} as for reserve and 'line_full'
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
follow.step(room)
local taken, exceeded = open.take(room, ask.user, ask.address)
if exceeded then
  return answer.give(exceeded)
end

-- Puts the user in the line, or keeps the place under the login that asked last.
local function join()
  local former = line.get(room, ask.user)
  if not former and rooms.waiting(room) >= ask.waiters_max then
    return { refused = 'line_full' }
  end
  local waiter = former
  if former then
    waiter.login, waiter.staff = ask.login, ask.staff
    waiter.away = former.away and clock.now + terms.waiter_ttl
  else
    rooms.set(room, 'next_place', room.next_place + 1)
    waiter = { login = ask.login, nonce = ask.nonce, staff = ask.staff, place = room.next_place,
      joined = clock.now, streams = {}, away = clock.now + terms.waiter_ttl }
  end
  line.put(room, ask.user, waiter)
  seats.finish(room)
  local slot = rooms.slot(room, ask.user)
  local offer = slot and slot.reservation
  if offer and clock.now < offer.deadline then
    return { reserved = { user = ask.user, reservation = offer, fresh = true,
      takeover = not sitting.is_empty(slot) } }
  end
  return { position = line.position(room, ask.user, waiter), fresh = not former }
end

local function wait()
  local closed = seats.not_open(room)
  if closed then
    return { refused = closed }
  end
  local slot = rooms.slot(room, ask.user)
  if slot and not sitting.is_empty(slot) then
    return { refused = 'already_seated' }
  end
  local rival = seats.rival(room, ask)
  if rival then
    return { refused = 'contested', rival = rival }
  elseif not slot then
    return join()
  end
  return { reserved = seats.reserve_within(room, ask) }
end

local given = wait()
if given.refused and taken then
  open.give_back(room, ask.user)
end
follow.step(room)
-- A place in the line is told by no change.
follow.whereabouts(room, ask.user)
return answer.give(given)
