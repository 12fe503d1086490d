-- reserve_party: counts a seat for each of several users, or for none.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, party: [{user, login, nonce, staff, resume?, over?}]
-- answer   {party: [reserved]} or {refused: 'no_room'} or {failed: [{user, refused, rival?}]}
local failed = {}
for _, asked in ipairs(ask.party) do
  local refused = places.refusal(ask.room, asked.user, asked.resume)
  if refused then
    table.insert(failed, { user = asked.user, refused = refused })
  end
end
if #failed > 0 then
  return answer.give({ failed = failed })
end
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)

-- Measured against the places that are free before any of the party is seated.
local new, class_of = {}, {}
local free = { staff = rooms.free(room, 'staff'), ordinary = rooms.free(room, 'ordinary') }
local left = math.max(0, room.capacity - rooms.occupancy(room))
local others_wait = rooms.waiting(room) > 0

local function refusal(asked)
  local closed = seats.not_open(room)
  if closed then
    return closed
  elseif others_wait then
    return 'room_full'
  end
  local slot = rooms.slot(room, asked.user)
  local rival = slot and seats.rival(room, asked)
  if rival then
    return 'contested', rival
  elseif slot then
    local arrival, why = sitting.judge(slot, asked.resume)
    return not arrival and why or nil
  elseif class_of[asked.user] then
    return nil
  end
  local class = asked.staff and free.staff > 0 and 'staff' or 'ordinary'
  if free[class] == 0 or left == 0 then
    return 'room_full'
  end
  free[class], left = free[class] - 1, left - 1
  class_of[asked.user] = class
  table.insert(new, asked.user)
end

for _, asked in ipairs(ask.party) do
  local refused, rival = refusal(asked)
  if refused then
    table.insert(failed, { user = asked.user, refused = refused, rival = rival })
  end
end
if #failed > 0 then
  follow.step(room)
  return answer.give({ failed = failed })
end
for _, user in ipairs(new) do
  seats.add(room, user, class_of[user])
end
local party = {}
for at, asked in ipairs(ask.party) do
  party[at] = seats.reserve_within(room, asked)
end
seats.finish(room)
follow.step(room)
return answer.give({ party = party })
