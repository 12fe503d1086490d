-- reserve: counts a seat for a user until a deadline.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, login, nonce, staff, resume?, over?, address?
-- answer   {reserved} or {refused: a word of the ledger ('contested' with `rival`), 'no_room',
--          'address_busy', or 'too_many' and `rooms`}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
local refused = places.refusal(room.id, ask.user, ask.resume)
if refused then
  return answer.give({ refused = refused })
end

-- What is overdue gives its place in the bounds back first.
seats.expire(room)
follow.step(room)
local taken, exceeded = open.take(room, ask.user, ask.address)
if exceeded then
  return answer.give(exceeded)
end

-- Which pool a newcomer's place comes from. Staff pass the line to a staff seat.
local function class()
  if ask.staff and rooms.free(room, 'staff') > 0 then
    return 'staff'
  end
  return rooms.waiting(room) == 0 and rooms.free(room, 'ordinary') > 0 and 'ordinary'
end

local function reserve()
  local closed = seats.not_open(room)
  if closed then
    return { refused = closed }
  end
  local rival = seats.rival(room, ask)
  if rival then
    return { refused = 'contested', rival = rival }
  end
  local slot = rooms.slot(room, ask.user)
  if slot then
    local arrival, why = sitting.judge(slot, ask.resume)
    if not arrival then
      return { refused = why }
    end
    return { reserved = seats.reserve_within(room, ask) }
  end
  local pool = class()
  if not pool or not seats.add(room, ask.user, pool) then
    return { refused = 'room_full' }
  end
  line.leave(room, ask.user, 'seated')
  return { reserved = seats.reserve_within(room, ask) }
end

local given = reserve()
if given.refused and taken then
  open.give_back(room, ask.user)
end
seats.finish(room)
follow.step(room)
return answer.give(given)
