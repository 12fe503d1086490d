-- The end of a node's life, in one room.
local owners = {}

-- Parts of the owners that `ended` tells of end uncleanly, their entries under way are forgotten and
-- their waiters' streams are lost. `needle` is in the text of every slot with such a part. Linear in
-- the slots and the line.
function owners.fence(room, needle, ended)
  local entering = redis.call('HGETALL', room.key .. ':entering')
  for at = 1, #entering, 2 do
    if ended(cjson.decode(entering[at + 1]).owner) then
      redis.call('HDEL', room.key .. ':entering', entering[at])
    end
  end
  local all = {}
  for _, user in ipairs(rooms.users(room, needle)) do
    local slot = rooms.slot(room, user)
    local sessions = slot and sitting.sessions(slot, function(part) return ended(part.owner) end)
    if slot and #sessions > 0 then
      seats.remove_parts(room, user, sessions, true, 'fenced')
      for _, session in ipairs(sessions) do
        table.insert(all, session)
      end
    end
  end
  line.lose_streams(room, ended)
  return all
end

-- Owners are 'node.incarnation'.
function owners.node(owner)
  return string.match(owner, '^(%d+)%.')
end
