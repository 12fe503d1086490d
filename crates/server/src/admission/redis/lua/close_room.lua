-- close_room: the room takes nobody any more; everyone in it ends.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room
-- answer   {ended: the sessions to close} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local ended = {}
if room.state == 'open' then
  ended = seats.end_room(room, 'requested')
  seats.finish(room)
end
follow.step(room)
return answer.give({ ended = ended })
