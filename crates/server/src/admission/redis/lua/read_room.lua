-- read_room: the whole room. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room
-- answer   {header, slots, waiters, entering: {id: the document as it is stored}, staff: [user]} or
--          {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end

local function documents(part)
  local found = {}
  local flat = redis.call('HGETALL', room.key .. part)
  for at = 1, #flat, 2 do
    found[flat[at]] = flat[at + 1]
  end
  return found
end

return answer.give({
  header = { epoch = room.epoch, next = room.next, next_place = room.next_place,
    capacity = room.capacity, staff_seats = room.staff_seats, state = room.state,
    lifetime = room.lifetime, pending_until = room.pending_until, was_used = room.was_used },
  slots = documents(':slots'), waiters = documents(':waiters'), entering = documents(':entering'),
  staff = redis.call('SMEMBERS', room.key .. ':staff'),
})
