-- read_seats: how the seats of rooms stand, as of their last step. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  rooms, and `begins`: a life of this node is about to begin, which must be later than all before
-- answer   {seats: [{capacity, occupied, reserved, held, free, waiting, staff?, staff_taken?}, or {}]}
local all = {}
for at, id in ipairs(ask.rooms) do
  local room = rooms.open(id)
  if room then
    local held = redis.call('SCARD', room.key .. ':held')
    local reserved = redis.call('SCARD', room.key .. ':reserved')
    all[at] = { capacity = room.capacity, held = held, reserved = reserved,
      occupied = rooms.occupancy(room) - held - reserved, free = rooms.free(room, 'ordinary'),
      waiting = rooms.waiting(room) }
    if room.staff_seats > 0 then
      all[at].staff, all[at].staff_taken = rooms.limit(room, 'staff'), rooms.taken(room, 'staff')
    end
  elseif redis.call('SISMEMBER', prefix .. 'rooms', id) == 1 then
    return answer.no_room(id)
  else
    all[at] = {}
  end
end
return answer.give({ seats = all })
