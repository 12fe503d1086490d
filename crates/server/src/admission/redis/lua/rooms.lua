-- A room: its header, its slots, its size. Occupancy is the size of the hash of slots.
local rooms = { touched = {}, journal = {} }

rooms.parts = { ':slots', ':staff', ':held', ':reserved', ':due', ':line', ':line:staff',
  ':waiters', ':entering' }

-- The room, or nil when there is none.
function rooms.open(id)
  local key = prefix .. 'room:' .. id
  local flat = redis.call('HGETALL', key)
  if #flat == 0 then
    return nil
  end
  local kept = {}
  for at = 1, #flat, 2 do
    kept[flat[at]] = flat[at + 1]
  end
  return {
    id = id, key = key, slots = {}, changes = {},
    epoch = tonumber(kept.epoch), next = tonumber(kept.next),
    next_place = tonumber(kept.next_place), capacity = tonumber(kept.capacity),
    staff_seats = tonumber(kept.staff_seats), state = kept.state, lifetime = kept.lifetime,
    pending_until = tonumber(kept.pending_until), was_used = kept.was_used == '1',
    added_by = kept.added_by,
  }
end

-- Changes one field of the header; nil removes it.
function rooms.set(room, field, value)
  room[field] = value
  if value == nil then
    redis.call('HDEL', room.key, field)
  elseif type(value) == 'boolean' then
    redis.call('HSET', room.key, field, value and '1' or '0')
  else
    redis.call('HSET', room.key, field, value)
  end
end

-- Rooms of the store, in the order of their numbers.
function rooms.all()
  local ids = redis.call('SMEMBERS', prefix .. 'rooms')
  table.sort(ids, function(a, b) return tonumber(a) < tonumber(b) end)
  return ids
end

-- Removes every key of the room.
function rooms.drop(room)
  redis.call('DEL', room.key)
  for _, part in ipairs(rooms.parts) do
    redis.call('DEL', room.key .. part)
  end
  redis.call('SREM', prefix .. 'rooms', room.id)
  redis.call('ZREM', prefix .. 'due', room.id)
end

function rooms.tell(room, change)
  table.insert(room.changes, change)
end

function rooms.occupancy(room)
  return redis.call('HLEN', room.key .. ':slots')
end

function rooms.waiting(room)
  return redis.call('ZCARD', room.key .. ':line')
end

-- The most seats a class may have. Shrinking the capacity takes from ordinary seats first.
function rooms.limit(room, class)
  local staff = math.min(room.staff_seats, room.capacity)
  return class == 'staff' and staff or room.capacity - staff
end

-- How many slots of a class there are.
function rooms.taken(room, class)
  local staff = redis.call('SCARD', room.key .. ':staff')
  return class == 'staff' and staff or rooms.occupancy(room) - staff
end

-- How many places of a class could be given: bounded by the class and by the room.
function rooms.free(room, class)
  local of_class = math.max(0, rooms.limit(room, class) - rooms.taken(room, class))
  return math.min(of_class, math.max(0, room.capacity - rooms.occupancy(room)))
end

function rooms.someone_is_live(room)
  local held = redis.call('SCARD', room.key .. ':held')
  local reserved = redis.call('SCARD', room.key .. ':reserved')
  return rooms.occupancy(room) > held + reserved
end

-- When something falls due next; nil when nothing does.
function rooms.due(room)
  local first = redis.call('ZRANGE', room.key .. ':due', 0, 0, 'WITHSCORES')
  local due = tonumber(first[2])
  local pending = room.state == 'open' and room.pending_until
  if pending and (not due or pending < due) and not rooms.someone_is_live(room) then
    due = pending
  end
  return due
end

-- Notes when a room is due, for whichever node looks; nil: nothing is.
function rooms.schedule(id, due)
  if due then
    redis.call('ZADD', prefix .. 'due', due, id)
  else
    redis.call('ZREM', prefix .. 'due', id)
  end
end

-- The user's slot, or nil. What is changed in it must be kept.
function rooms.slot(room, user)
  local slot = room.slots[user]
  if slot == nil then
    local text = redis.call('HGET', room.key .. ':slots', user)
    slot = text and cjson.decode(text)
    room.slots[user] = slot
  end
  return slot or nil
end

function rooms.keep(room, user, slot)
  redis.call('HSET', room.key .. ':slots', user, cjson.encode(slot))
end

-- Loads all slots, or those whose text contains `needle`; their users, in order.
function rooms.users(room, needle)
  local flat = redis.call('HGETALL', room.key .. ':slots')
  local users = {}
  for at = 1, #flat, 2 do
    if not needle or string.find(flat[at + 1], needle, 1, true) then
      table.insert(users, flat[at])
      if room.slots[flat[at]] == nil then
        room.slots[flat[at]] = cjson.decode(flat[at + 1])
      end
    end
  end
  table.sort(users)
  return users
end
