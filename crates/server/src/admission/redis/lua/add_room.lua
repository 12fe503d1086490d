-- add_room: adds a room. One that is there already goes on, in the epoch given if that is higher.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, epoch, capacity, staff_seats, lifetime, pending_until?, owner, and `lost`: this node
--          lost the store and has ended its sessions, so whatever the room has of them is stale
-- answer   {}
local room = rooms.open(ask.room)
if room then
  rooms.set(room, 'added_by', ask.owner)
  if room.epoch < ask.epoch then
    rooms.set(room, 'epoch', ask.epoch)
    rooms.set(room, 'next', 0)
    -- Whoever adds it knows that it is open: its end was never written down.
    if room.state == 'closing' then
      rooms.set(room, 'state', 'open')
      rooms.set(room, 'was_used', false)
    end
    for _, field in ipairs({ 'capacity', 'staff_seats', 'lifetime' }) do
      rooms.set(room, field, ask[field])
    end
    -- Who read it as pending may have read it before somebody entered.
    if room.pending_until then
      rooms.set(room, 'pending_until', ask.pending_until)
    end
  end
  seats.expire(room)
  if ask.lost then
    local node = owners.node(ask.owner)
    owners.fence(room, '"owner":"' .. node .. '.', function(owner)
      return owners.node(owner) == node
    end)
    seats.finish(room)
  end
  follow.step(room)
  return answer.give({})
end
local key = prefix .. 'room:' .. ask.room
for _, part in ipairs(rooms.parts) do
  redis.call('DEL', key .. part)
end
redis.call('HSET', key, 'epoch', ask.epoch, 'next', 0, 'next_place', 0, 'capacity', ask.capacity,
  'staff_seats', ask.staff_seats, 'state', 'open', 'lifetime', ask.lifetime, 'was_used', '0',
  'added_by', ask.owner)
if ask.pending_until then
  redis.call('HSET', key, 'pending_until', ask.pending_until)
end
redis.call('SADD', prefix .. 'rooms', ask.room)
rooms.schedule(ask.room, ask.pending_until)
rooms.touched[ask.room] = { room = ask.room, due = ask.pending_until }
return answer.give({})
