-- fence: the lease of a node's life is over; its parts end uncleanly, in every room.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  owner
-- answer   {ended: the sessions}
return answer.of_each(rooms.all(), function(room)
  seats.expire(room)
  local ended = owners.fence(room, '"owner":"' .. ask.owner .. '"', function(owner)
    return owner == ask.owner
  end)
  seats.finish(room)
  return ended
end)
