-- set_capacity: changes the capacity in force and the staff seats in it. Nobody is thrown out.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, capacity, staff_seats, capacity_max
-- answer   {yes: false when there is no such size} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local is_sound = ask.capacity >= 1 and ask.capacity <= ask.capacity_max
  and ask.staff_seats <= ask.capacity
if is_sound then
  rooms.set(room, 'capacity', ask.capacity)
  rooms.set(room, 'staff_seats', ask.staff_seats)
  seats.finish(room)
end
follow.step(room)
return answer.give({ yes = is_sound })
