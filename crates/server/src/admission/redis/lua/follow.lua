-- What follows from a step, beyond the room: the bounds of users and addresses, the rooms of a user,
-- and where a user is under the policy `one`.
local places, open, follow = {}, {}, {}

local function user_key(user, what)
  return prefix .. 'user:' .. user .. ':' .. what
end

local function read_place(text)
  local room, epoch, n, session = string.match(text, '^(%-?%d+):(%d+):(%d+):(%x+)$')
  return { text = text, room = room, generation = { tonumber(epoch), tonumber(n) },
    session = session }
end

local function places_of(user)
  local found = {}
  for at, text in ipairs(redis.call('LRANGE', user_key(user, 'places'), 0, -1)) do
    found[at] = read_place(text)
  end
  return found
end

local function forget(user, wanted)
  for _, place in ipairs(places_of(user)) do
    if wanted(place) then
      redis.call('LREM', user_key(user, 'places'), 1, place.text)
    end
  end
end

-- Records a new place above the former one. The script is the order: what comes later is higher.
function places.take(user, room, generation, session)
  redis.call('RPUSH', user_key(user, 'places'),
    string.format('%s:%.0f:%.0f:%s', room.id, generation[1], generation[2], session))
end

-- The entry of `session` is complete: the places it made former, oldest first, which are forgotten.
function places.settle(user, session)
  local former = {}
  local all = places_of(user)
  for at, place in ipairs(all) do
    if place.session == session then
      if at > 1 then
        redis.call('LTRIM', user_key(user, 'places'), at - 1, -1)
      end
      return former
    end
    table.insert(former, place)
  end
  return {}
end

-- The entry of `session` failed.
function places.forget(user, session)
  forget(user, function(place) return place.session == session end)
end

-- The room is dropped, with whatever the user had in it.
function places.forget_room(room, user)
  forget(user, function(place) return place.room == room.id end)
end

-- Policy `one`: what the room where the user sits says of an arrival in the room `id`. Nil, or why not.
function places.refusal(id, user, presented)
  local text = terms.one and redis.call('LINDEX', user_key(user, 'places'), -1)
  local current = text and read_place(text)
  local other = current and current.room ~= id and rooms.open(current.room)
  local slot = other and rooms.slot(other, user)
  if not slot then
    return nil
  end
  if presented then
    return sitting.compare(slot, presented) == 'other' and 'replaced' or nil
  end
  return terms.refuse_new and #slot.live > 0 and 'already_seated' or nil
end

-- Counts a user in a room against the bounds. True when it was counted now, false when it was
-- before; or nil, which bound was reached, and the user's rooms.
function open.take(room, user, address)
  local key = user_key(user, 'open')
  if redis.call('HEXISTS', key, room.id) == 1 then
    return false
  end
  if redis.call('HLEN', key) >= call.bounds.per_user then
    return nil, { refused = 'too_many', rooms = redis.call('HKEYS', key) }
  end
  if address and call.bounds.per_address then
    local of_address = prefix .. 'address:' .. address
    if redis.call('SCARD', of_address) >= call.bounds.per_address then
      return nil, { refused = 'address_busy' }
    end
    redis.call('SADD', of_address, room.id .. '|' .. user)
    redis.call('HSET', key, room.id, address)
  else
    redis.call('HSET', key, room.id, '')
  end
  return true
end

-- Gives it back; harmless when it is not counted.
function open.give_back(room, user)
  local key = user_key(user, 'open')
  local address = redis.call('HGET', key, room.id)
  if address then
    redis.call('HDEL', key, room.id)
    redis.call('SREM', prefix .. 'address:' .. address, room.id .. '|' .. user)
  end
end

-- A reservation that expired and was made anew in one step ends up counted, and so do offers.
function open.follow(room, change)
  local kind = change.change
  if kind == 'reserved' or kind == 'offered' then
    redis.call('HSETNX', user_key(change.user, 'open'), room.id, '')
  elseif kind == 'expired' or kind == 'entered'
    or (kind == 'dropped' and change.cause ~= 'superseded')
    or (kind == 'waiter_gone' and change.cause ~= 'seated') then
    open.give_back(room, change.user)
  end
end

-- Whether the user has anything in the room.
function follow.whereabouts(room, user)
  if redis.call('HEXISTS', room.key .. ':slots', user) == 1
    or redis.call('HEXISTS', room.key .. ':waiters', user) == 1 then
    redis.call('SADD', user_key(user, 'rooms'), room.id)
  else
    redis.call('SREM', user_key(user, 'rooms'), room.id)
  end
end

function follow.rooms_of(user)
  local ids = redis.call('SMEMBERS', user_key(user, 'rooms'))
  table.sort(ids, function(a, b) return tonumber(a) < tonumber(b) end)
  return ids
end

-- Ends a step of a room: its changes are followed and put into the journal, its deadline is told,
-- and when nothing refers to it any more all its keys go.
function follow.step(room)
  local concerned = {}
  for _, change in ipairs(room.changes) do
    open.follow(room, change)
    if change.change == 'returned' then
      forget(change.user, function(place)
        return place.room == room.id and not before(change.last, place.generation)
      end)
    end
    if change.user then
      concerned[change.user] = true
    end
    change.room = room.id
    table.insert(rooms.journal, change)
  end
  for user in pairs(concerned) do
    follow.whereabouts(room, user)
  end
  room.changes = {}
  if room.state == 'gone' then
    rooms.drop(room)
    rooms.touched[room.id] = { room = room.id, gone = true }
  else
    local due = rooms.due(room)
    rooms.schedule(room.id, due)
    rooms.touched[room.id] = { room = room.id, due = due }
  end
end
