-- stop_waiting: leaves the line.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user
-- answer   {yes: whether the user stood there} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local gone = line.leave(room, ask.user, 'stopped')
seats.finish(room)
follow.step(room)
return answer.give({ yes = gone })
