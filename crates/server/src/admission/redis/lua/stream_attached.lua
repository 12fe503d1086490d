-- stream_attached: a stream of the waiter is attached. Again: no effect.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, stream, streams_max
-- answer   {attached: 'attached', 'too_many' or 'not_waiting'} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local attached = 'not_waiting'
local waiter = line.get(room, ask.user)
if waiter and not waiter.streams[ask.stream] and line.streams(waiter) >= ask.streams_max then
  attached = 'too_many'
elseif waiter then
  attached = 'attached'
  waiter.streams[ask.stream] = true
  waiter.away = nil
  line.put(room, ask.user, waiter)
end
follow.step(room)
return answer.give({ attached = attached })
