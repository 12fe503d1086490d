-- remove: kicked or banned; everything the user has in the room goes at once.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user
-- answer   {ended: the sessions to close} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local ended = seats.end_slot(room, ask.user, 'removed')
line.leave(room, ask.user, 'removed')
seats.finish(room)
follow.step(room)
return answer.give({ ended = ended })
