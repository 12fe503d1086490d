-- stream_attached: a stream of the waiter is attached, on this node.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user
-- answer   {place?} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local waiter = line.get(room, ask.user)
if waiter then
  waiter.streams[call.node] = (waiter.streams[call.node] or 0) + 1
  waiter.away = nil
  line.put(room, ask.user, waiter)
end
follow.step(room)
return answer.give({ place = waiter and waiter.place })
