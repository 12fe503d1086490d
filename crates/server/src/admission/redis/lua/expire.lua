-- expire: ends what is due in a room.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room
-- answer   {} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
follow.step(room)
return answer.give({})
