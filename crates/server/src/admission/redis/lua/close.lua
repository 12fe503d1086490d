-- close: a connection ended, whose part is named by session, generation and owner.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  room, user, session, generation, owner, clean
-- answer   {closed: 'stale', 'others', 'held' (and `until`) or 'returned'} or {refused: 'no_room'}
local room = rooms.open(ask.room)
if not room then
  return answer.no_room(ask.room)
end
seats.expire(room)
local slot = rooms.slot(room, ask.user)
local part = slot and sitting.find(slot, ask.session)
if not part or not same(part.generation, ask.generation) or part.owner ~= ask.owner then
  follow.step(room)
  return answer.give({ closed = 'stale' })
end
seats.remove_parts(room, ask.user, { ask.session }, not ask.clean, ask.clean and 'left' or 'lost')
local given = { closed = 'returned' }
slot = rooms.slot(room, ask.user)
if slot and #slot.live > 0 then
  given.closed = 'others'
elseif slot and slot.held then
  given = { closed = 'held', ['until'] = slot.held.deadline }
end
seats.finish(room)
follow.step(room)
return answer.give(given)
