-- stream_lost: that stream ended. One that is not attached has no effect.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, stream
-- answer   {} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local waiter = line.get(room, ask.user)
if waiter and waiter.streams[ask.stream] then
  waiter.streams[ask.stream] = nil
  if line.streams(waiter) == 0 then
    waiter.away = clock.now + terms.waiter_ttl
  end
  line.put(room, ask.user, waiter)
end
follow.step(room)
return answer.give({})
