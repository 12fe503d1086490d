-- read_user: what one user has in a room. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user
-- answer   {slot?: the document as it is stored, position?} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
local waiter = line.get(room, ask.user)
return answer.give({
  slot = redis.call('HGET', room.key .. ':slots', ask.user) or nil,
  position = waiter and line.position(room, ask.user, waiter) or nil,
})
