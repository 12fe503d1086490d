-- The line in front of a full room. A place number rises with every waiter and is never reused.
-- `streams` is the set of a waiter's streams by their names, 'owner/number'.
local line = {}

function line.get(room, user)
  local text = redis.call('HGET', room.key .. ':waiters', user)
  return text and cjson.decode(text) or nil
end

-- How many streams a waiter has.
function line.streams(waiter)
  local streams = 0
  for _ in pairs(waiter.streams) do
    streams = streams + 1
  end
  return streams
end

-- Puts a waiter in, in place of what stood there before.
function line.put(room, user, waiter)
  redis.call('HSET', room.key .. ':waiters', user, cjson.encode(waiter))
  redis.call('ZADD', room.key .. ':line', waiter.place, user)
  if waiter.staff then
    redis.call('ZADD', room.key .. ':line:staff', waiter.place, user)
  else
    redis.call('ZREM', room.key .. ':line:staff', user)
  end
  if waiter.away then
    redis.call('ZADD', room.key .. ':due', waiter.away, user .. ':2')
  else
    redis.call('ZREM', room.key .. ':due', user .. ':2')
  end
end

-- Takes a waiter out without a word; nil when the user did not stand there.
function line.take(room, user)
  local waiter = line.get(room, user)
  if waiter then
    redis.call('HDEL', room.key .. ':waiters', user)
    redis.call('ZREM', room.key .. ':line', user)
    redis.call('ZREM', room.key .. ':line:staff', user)
    redis.call('ZREM', room.key .. ':due', user .. ':2')
  end
  return waiter
end

-- The same, journalled. Whether the user stood there.
function line.leave(room, user, cause)
  if not line.take(room, user) then
    return false
  end
  rooms.tell(room, { change = 'waiter_gone', user = user, cause = cause })
  return true
end

function line.head(room)
  return redis.call('ZRANGE', room.key .. ':line', 0, 0)[1]
end

-- Where a waiter stands.
function line.position(room, user, waiter)
  local ahead = redis.call('ZRANK', room.key .. ':line', user)
  return { position = ahead + 1, ahead = ahead, joined = waiter.joined }
end

-- Ends the streams of the owners that `lost` tells of; a place that lost its last one gets a deadline.
function line.lose_streams(room, lost)
  local flat = redis.call('HGETALL', room.key .. ':waiters')
  for at = 1, #flat, 2 do
    local waiter = cjson.decode(flat[at + 1])
    local changed = false
    for name in pairs(waiter.streams) do
      if lost(string.match(name, '^[^/]+')) then
        waiter.streams[name] = nil
        changed = true
      end
    end
    if changed then
      if line.streams(waiter) == 0 then
        waiter.away = clock.now + terms.waiter_ttl
      end
      line.put(room, flat[at], waiter)
    end
  end
end

-- Staff seats go to the first of the staff, other seats to the head: the user and the class.
function line.next_to_seat(room)
  if rooms.waiting(room) == 0 then
    return nil
  end
  local staff = redis.call('ZRANGE', room.key .. ':line:staff', 0, 0)[1]
  if staff and rooms.free(room, 'staff') > 0 then
    return staff, 'staff'
  end
  if rooms.free(room, 'ordinary') > 0 then
    return line.head(room), 'ordinary'
  end
end
