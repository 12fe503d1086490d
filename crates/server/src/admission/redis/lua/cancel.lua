-- cancel: gives a user's reservation back; with `generation` and `login`, that grant and no other.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, generation?, login?
-- answer   {generation?} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
if ask.generation then
  local slot = rooms.slot(room, ask.user)
  local standing = slot and slot.reservation
  if not standing or standing.login ~= ask.login or not same(standing.generation, ask.generation) then
    return answer.give({})
  end
end
seats.expire(room)
local generation = seats.drop_reservation(room, ask.user, 'cancelled')
if generation then
  seats.finish(room)
end
follow.step(room)
return answer.give({ generation = generation })
