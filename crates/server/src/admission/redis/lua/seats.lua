-- The steps that every verb is made of. A slot comes into being in `add` only; what the indexes or
-- the stay depend on changes in `alter` only.
local seats = {}

-- What the indexes hold of a slot; no state is a slot that is about to go.
local function marks(slot)
  local held, reservation = slot.held and slot.held.deadline, slot.reservation
  local state
  if #slot.live > 0 then
    state = 'occupied'
  elseif held then
    state = 'held'
  elseif reservation then
    state = 'reserved'
  end
  return { state = state, held = held, reservation = reservation and reservation.deadline }
end

local function index(room, user, was, is)
  for kind, name in pairs({ [0] = 'reservation', [1] = 'held' }) do
    if was[name] ~= is[name] then
      if is[name] then
        redis.call('ZADD', room.key .. ':due', is[name], user .. ':' .. kind)
      else
        redis.call('ZREM', room.key .. ':due', user .. ':' .. kind)
      end
    end
  end
  for _, state in ipairs({ 'held', 'reserved' }) do
    if is.state == state and was.state ~= state then
      redis.call('SADD', room.key .. ':' .. state, user)
    elseif is.state ~= state and was.state == state then
      redis.call('SREM', room.key .. ':' .. state, user)
    end
  end
end

-- Makes a slot. False: there is no place of that class.
function seats.add(room, user, class)
  if rooms.free(room, class) == 0 or rooms.slot(room, user) then
    return false
  end
  if not room.was_used then
    rooms.set(room, 'was_used', true)
  end
  room.slots[user] = { live = {} }
  rooms.keep(room, user, room.slots[user])
  if class == 'staff' then
    redis.call('SADD', room.key .. ':staff', user)
  end
  return true
end

-- Changes a slot, and drops it when it has become empty. If nobody sits there any more the stay
-- ends, told once with `cause`. Answers what `change` does; nil when there is no slot.
function seats.alter(room, user, cause, change)
  local slot = rooms.slot(room, user)
  if not slot then
    return nil
  end
  local was, youngest = marks(slot), sitting.youngest(slot)
  local answer = change(slot)
  local is = marks(slot)
  index(room, user, was, is)
  if is.held and was.held ~= is.held then
    rooms.tell(room, { change = 'held', user = user, ['until'] = is.held })
  end
  if sitting.is_empty(slot) and slot.stay then
    rooms.tell(room, { change = 'returned', user = user, entered = slot.stay.entered,
      last = youngest, settled = slot.stay.settled, cause = cause })
    slot.stay = nil
  end
  if is.state then
    rooms.keep(room, user, slot)
  else
    redis.call('HDEL', room.key .. ':slots', user)
    redis.call('SREM', room.key .. ':staff', user)
    room.slots[user] = false
  end
  return answer
end

local function take_reservation(slot)
  local reservation = slot.reservation
  slot.reservation = nil
  return reservation
end

local function dropped(room, user, reservation, cause)
  if reservation then
    rooms.tell(room, { change = 'dropped', user = user, generation = reservation.generation,
      cause = cause })
  end
end

-- Gives a user who has a slot a new reservation; an older one is dropped.
function seats.grant(room, user, login, nonce, offered)
  rooms.set(room, 'next', room.next + 1)
  local deadline = clock.now + (offered and terms.offer_ttl or terms.reservation_ttl)
  if room.pending_until and clock.now < room.pending_until then
    deadline = math.min(deadline, room.pending_until)
  end
  local new = { generation = { room.epoch, room.next }, nonce = nonce, login = login,
    deadline = deadline, since = clock.now, attempts = 0, offered = offered }
  local old = seats.alter(room, user, 'superseded', function(slot)
    local old = take_reservation(slot)
    slot.reservation = new
    return old
  end)
  dropped(room, user, old, 'superseded')
  if offered then
    rooms.tell(room, { change = 'offered', user = user, reservation = new })
  else
    rooms.tell(room, { change = 'reserved', user = user, generation = new.generation })
  end
  return new
end

-- What stands here under another login of the user who asks, and is not what the ask names in `over`:
-- {login, reservation: its generation} or {login, place}. Nil when nothing stands in the way.
function seats.rival(room, asked)
  local slot, over = rooms.slot(room, asked.user), asked.over
  local reservation = slot and slot.reservation
  local waiter = not slot and line.get(room, asked.user)
  local standing = reservation or waiter
  if not standing or standing.login == asked.login then
    return nil
  end
  local named = over and over.login == standing.login
  if reservation then
    if named and over.reservation and same(over.reservation, reservation.generation) then
      return nil
    end
    return { login = standing.login, reservation = reservation.generation }
  end
  if named and over.place == waiter.place then
    return nil
  end
  return { login = standing.login, place = waiter.place }
end

-- Reserves for a user who has a slot; the answer of a granted ask.
function seats.reserve_within(room, asked)
  local slot = rooms.slot(room, asked.user)
  local takeover = not sitting.is_empty(slot)
  local standing = slot.reservation
  local fresh = not (standing and standing.login == asked.login)
  if fresh then
    standing = seats.grant(room, asked.user, asked.login, asked.nonce, false)
  end
  return { user = asked.user, reservation = standing, takeover = takeover, fresh = fresh }
end

-- Takes the user's reservation away before its time. Its generation, or nil.
function seats.drop_reservation(room, user, cause, wanted)
  local taken = seats.alter(room, user, cause, function(slot)
    if slot.reservation and (not wanted or wanted(slot.reservation)) then
      return take_reservation(slot)
    end
  end)
  dropped(room, user, taken, cause)
  return taken and taken.generation
end

-- Lets the entries under way among `sessions` learn why their part is gone.
function seats.mark_ended(room, sessions, cause)
  for _, session in ipairs(sessions) do
    local text = redis.call('HGET', room.key .. ':entering', session)
    if text then
      local entry = cjson.decode(text)
      entry.ended = cause
      redis.call('HSET', room.key .. ':entering', session, cjson.encode(entry))
    end
  end
end

-- Takes everything the user has in a slot. The sessions that sat there.
function seats.end_slot(room, user, cause)
  local sessions = {}
  local reservation = seats.alter(room, user, cause, function(slot)
    sessions = sitting.sessions(slot, function() return true end)
    slot.live, slot.held = {}, nil
    return take_reservation(slot)
  end)
  dropped(room, user, reservation, cause)
  seats.mark_ended(room, sessions, cause)
  return sessions
end

-- Removes parts of one user, oldest first, and holds the seat if so told.
function seats.remove_parts(room, user, sessions, hold, cause)
  local hold_until = hold and terms.grace > 0 and clock.now + terms.grace or nil
  seats.mark_ended(room, sessions, cause)
  seats.alter(room, user, cause, function(slot)
    for _, session in ipairs(sessions) do
      sitting.remove(slot, session, hold_until)
    end
  end)
end

-- Ends parts of one user, live and held, at any depth. Whether there was one, and the sessions.
function seats.end_parts(room, user, cause, wanted)
  local any, sessions = false, {}
  seats.alter(room, user, cause, function(slot)
    sessions = sitting.sessions(slot, wanted)
    any = #sessions > 0
    sitting.map_held(slot, function(held)
      if wanted(held) then
        any = true
        return nil
      end
      return held
    end)
    for _, session in ipairs(sessions) do
      sitting.remove(slot, session, nil)
    end
  end)
  seats.mark_ended(room, sessions, cause)
  return any, sessions
end

local function expire_reservation(room, user)
  local gone = seats.alter(room, user, 'held_expired', take_reservation)
  if gone then
    local outcome = gone.attempts == 0 and 'never_connected' or 'after_failed_attempt'
    rooms.tell(room, { change = 'expired', user = user, generation = gone.generation,
      outcome = outcome, offered = gone.offered })
  end
end

-- Closes the room: every seat, reservation and place in the line goes. The sessions that sat there.
function seats.end_room(room, cause)
  rooms.set(room, 'state', 'closing')
  local ended = {}
  for _, user in ipairs(rooms.users(room)) do
    if cause == 'pending_expired' then
      expire_reservation(room, user)
    end
    for _, session in ipairs(seats.end_slot(room, user, 'room_closed')) do
      table.insert(ended, session)
    end
  end
  for _, user in ipairs(redis.call('ZRANGE', room.key .. ':line', 0, -1)) do
    line.leave(room, user, 'room_closed')
  end
  rooms.tell(room, { change = 'closed', cause = cause })
  return ended
end

local function end_if_over(room)
  if room.state ~= 'open' then
    return
  end
  if room.pending_until then
    if room.pending_until <= clock.now and not rooms.someone_is_live(room) then
      seats.end_room(room, 'pending_expired')
    end
  elseif room.lifetime == 'until_empty' and room.was_used
    and rooms.occupancy(room) == 0 and rooms.waiting(room) == 0 then
    seats.end_room(room, 'empty')
  end
end

local function offer_free_places(room)
  while room.state == 'open' do
    local user, class = line.next_to_seat(room)
    if not user then
      return
    end
    local waiter = line.take(room, user)
    if not seats.add(room, user, class) then
      return
    end
    seats.grant(room, user, waiter.login, waiter.nonce, true)
  end
end

-- What every step ends with: the room's own end, then offers to the line.
function seats.finish(room)
  end_if_over(room)
  offer_free_places(room)
  if room.state == 'closing' and rooms.occupancy(room) == 0
    and redis.call('HLEN', room.key .. ':entering') == 0 then
    room.state = 'gone'
  end
end

-- What every step begins with: what is due goes, in the order of its deadlines.
function seats.expire(room)
  while true do
    local due = redis.call('ZRANGE', room.key .. ':due', '-inf', clock.now, 'BYSCORE',
      'LIMIT', 0, 1)[1]
    if not due then
      break
    end
    local user, kind = string.match(due, '^(%x+):(%d)$')
    if kind == '0' then
      expire_reservation(room, user)
    elseif kind == '1' then
      seats.alter(room, user, 'held_expired', function(slot) slot.held = nil end)
    else
      line.leave(room, user, 'away')
    end
  end
  seats.finish(room)
end

-- Why nobody can be seated here, or nil.
function seats.not_open(room)
  if room.state == 'closing' then
    return 'closed'
  elseif room.state == 'gone' then
    return 'gone'
  end
end
