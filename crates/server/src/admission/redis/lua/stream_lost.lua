-- stream_lost: a stream of that place, on this node, ended.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, place
-- answer   {} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local waiter = line.get(room, ask.user)
local streams = waiter and waiter.place == ask.place and waiter.streams[call.node]
if streams then
  waiter.streams[call.node] = streams > 1 and streams - 1 or nil
  if line.streams(waiter) == 0 then
    waiter.away = clock.now + terms.waiter_ttl
  end
  line.put(room, ask.user, waiter)
end
follow.step(room)
return answer.give({})
