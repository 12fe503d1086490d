-- connecting: counts an attempt to connect with a ticket.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, generation, nonce, attempts_max
-- answer   {yes: whether the ticket matches a reservation} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local slot = rooms.slot(room, ask.user)
local standing = slot and slot.reservation
local matches = standing and same(standing.generation, ask.generation)
  and standing.nonce == ask.nonce or false
if matches then
  standing.attempts = math.min(standing.attempts + 1, ask.attempts_max)
  rooms.keep(room, ask.user, slot)
end
follow.step(room)
return answer.give({ yes = matches })
