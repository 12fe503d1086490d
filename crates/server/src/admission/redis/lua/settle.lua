-- settle: the entry is complete; under the policy `one` the former places end as if cleanly.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, session
-- answer   {ended: the sessions that gave way} or {over: why the part ended before}
local room = rooms.open(ask.room)
if not room and redis.call('SISMEMBER', prefix .. 'rooms', ask.room) == 1 then
  return answer.no_room(ask.room)
end

local function settle()
  local text = redis.call('HGET', room.key .. ':entering', ask.session)
  if not text then
    return nil, 'fenced'
  end
  redis.call('HDEL', room.key .. ':entering', ask.session)
  local entry = cjson.decode(text)
  if entry.ended then
    return nil, entry.ended
  end
  local replaced = {}
  local slot = rooms.slot(room, entry.user)
  if slot then
    slot.stay.settled = true
    local part = sitting.find(slot, ask.session)
    if part and part.replaced then
      replaced = sitting.sessions(part.replaced, function() return true end)
      part.replaced = nil
    end
    rooms.keep(room, entry.user, slot)
  end
  seats.mark_ended(room, replaced, 'replaced')
  if room.pending_until then
    rooms.set(room, 'pending_until', nil)
    rooms.tell(room, { change = 'opened' })
  end
  return replaced
end

local ended, over
if room then
  seats.expire(room)
  ended, over = settle()
  seats.finish(room)
  follow.step(room)
else
  over = 'room_closed'
  rooms.touched[ask.room] = { room = ask.room, gone = true }
end
if over then
  places.forget(ask.user, ask.session)
  return answer.give({ over = over })
end
for _, place in ipairs(places.settle(ask.user, ask.session)) do
  local former = place.room ~= ask.room and rooms.open(place.room)
  if former then
    seats.expire(former)
    local moved = seats.end_parts(former, ask.user, 'moved', function(part)
      return same(part.generation, place.generation)
    end)
    seats.finish(former)
    follow.step(former)
    if moved then
      table.insert(ended, place.session)
    end
  end
end
return answer.give({ ended = ended })
