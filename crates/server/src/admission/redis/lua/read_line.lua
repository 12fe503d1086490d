-- read_line: who waits in a room, from the head. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, most?: how many of them at most
-- answer   {line: [user]} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
return answer.give({ line = redis.call('ZRANGE', room.key .. ':line', 0, (ask.most or 0) - 1) })
