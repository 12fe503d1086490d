-- confirm: turns a reservation into a live part, provisionally.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, generation, nonce, login, session, owner, new_resume, presented?
-- answer   {confirmed} or {refused: a word of the ledger or 'no_room'}
local refused = places.refusal(ask.room, ask.user, ask.presented)
if refused then
  return answer.give({ refused = refused })
end
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end

-- The reservation that the ticket is for.
local function claimed()
  local slot = rooms.slot(room, ask.user)
  local it = slot and slot.reservation
  if it and same(it.generation, ask.generation) and it.nonce == ask.nonce
    and it.login == ask.login then
    return it
  end
end

-- Puts the new part on the slot, with what gives way for it inside. The sessions that give way.
local function sit_down(slot, arrival, session)
  local gives_way = { live = {} }
  if arrival == 'refresh' or arrival == 'takeover' then
    if session then
      gives_way.live[1] = sitting.lift(slot, session)
    else
      gives_way.held, slot.held = slot.held, nil
    end
  end
  table.insert(slot.live, {
    session = ask.session, generation = ask.generation, login = ask.login, owner = ask.owner,
    resume = ask.new_resume, former = arrival == 'refresh' and ask.presented or nil,
    replaced = gives_way,
  })
  return sitting.sessions(gives_way, function() return true end)
end

local function confirm()
  if room.state ~= 'open' then
    return { refused = 'room_closed' }
  elseif not claimed() then
    return { refused = 'no_reservation' }
  end
  local arrival, gives_way = sitting.judge(rooms.slot(room, ask.user), ask.presented)
  if not arrival then
    return { refused = gives_way }
  end
  local confirmed = { generation = ask.generation, entry = arrival }
  seats.alter(room, ask.user, 'left', function(slot)
    confirmed.became_occupied = #slot.live == 0
    confirmed.waited = math.max(0, clock.now - slot.reservation.since)
    slot.reservation = nil
    confirmed.replaced = sit_down(slot, arrival, gives_way)
    slot.stay = slot.stay or { entered = ask.generation, since = clock.now, settled = false }
    confirmed.entered, confirmed.is_recorded = slot.stay.entered, slot.stay.settled
  end)
  redis.call('HSET', room.key .. ':entering', ask.session,
    cjson.encode({ user = ask.user, owner = ask.owner }))
  rooms.tell(room, { change = 'entered', user = ask.user, session = ask.session,
    generation = ask.generation, entry = arrival })
  return { confirmed = confirmed }
end

-- Asked before lazy expiry, which would make a late ticket an unknown one.
local reservation = claimed()
local is_late = reservation and reservation.deadline <= clock.now
seats.expire(room)
if is_late then
  follow.step(room)
  return answer.give({ refused = 'expired' })
end
local given = confirm()
seats.finish(room)
follow.step(room)
if given.confirmed and terms.one then
  places.take(ask.user, room, ask.generation, ask.session)
end
return answer.give(given)
