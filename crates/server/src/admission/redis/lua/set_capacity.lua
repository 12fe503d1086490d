-- set_capacity: changes the capacity in force. Nobody is thrown out.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, capacity, capacity_max
-- answer   {yes: false when there is no such capacity} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local is_sound = ask.capacity >= 1 and ask.capacity <= ask.capacity_max
if is_sound then
  rooms.set(room, 'capacity', ask.capacity)
  seats.finish(room)
end
follow.step(room)
return answer.give({ yes = is_sound })
