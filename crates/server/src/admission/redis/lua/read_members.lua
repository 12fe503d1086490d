-- read_members: who sits or is held in a room, in no order. Changes nothing.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room
-- answer   {members: [{user, entered, since, settled, held}]} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
local members = {}
for _, user in ipairs(rooms.users(room, '"stay":')) do
  local slot = rooms.slot(room, user)
  table.insert(members, { user = user, entered = slot.stay.entered, since = slot.stay.since,
    settled = slot.stay.settled, held = #slot.live == 0 })
end
return answer.give({ members = members })
