-- fence: the lease of a node's life is over; its parts end uncleanly, in every room.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  owner
-- answer   {ended: the sessions}
-- From here on that life is refused, unless it asks for its own end.
if ask.owner ~= call.node then
  local node, life = string.match(ask.owner, '^(%d+)%.(%d+)$')
  local key = 'fenced:' .. node
  if tonumber(redis.call('HGET', clock.key, key) or -1) < tonumber(life) then
    redis.call('HSET', clock.key, key, life)
  end
end
return answer.of_each(rooms.all(), function(room)
  seats.expire(room)
  local ended = owners.fence(room, '"owner":"' .. ask.owner .. '"', function(owner)
    return owner == ask.owner
  end)
  seats.finish(room)
  return ended
end)
