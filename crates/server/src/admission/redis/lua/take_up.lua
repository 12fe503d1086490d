-- take_up: ends what earlier lives of this node left, and drops the rooms that they added and this
-- one did not.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  owner
-- answer   {ended: the sessions}
local function is_earlier(owner)
  return owner ~= ask.owner and owners.node(owner) == owners.node(ask.owner)
end

-- Takes a room with all that users have in it, without a word.
local function drop(room)
  local flat = redis.call('HGETALL', room.key .. ':waiters')
  local users = rooms.users(room)
  for at = 1, #flat, 2 do
    table.insert(users, flat[at])
  end
  for _, user in ipairs(users) do
    open.give_back(room, user)
    places.forget_room(room, user)
  end
  rooms.drop(room)
  for _, user in ipairs(users) do
    follow.whereabouts(room, user)
  end
  rooms.touched[room.id] = { room = room.id, gone = true }
end

local ended = {}
for _, id in ipairs(rooms.all()) do
  local room = rooms.open(id)
  if room and is_earlier(room.added_by) then
    drop(room)
  elseif room then
    seats.expire(room)
    local needle = '"owner":"' .. owners.node(ask.owner) .. '.'
    for _, session in ipairs(owners.fence(room, needle, is_earlier)) do
      table.insert(ended, session)
    end
    seats.finish(room)
    follow.step(room)
  end
end
return answer.give({ ended = ended })
