-- heard: the session's peer knows its resume secret; the one that brought it here is void.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, session
-- answer   {} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
local slot = rooms.slot(room, ask.user)
local part = slot and sitting.find(slot, ask.session)
if part and part.former then
  part.former = nil
  rooms.keep(room, ask.user, slot)
end
return answer.give({})
