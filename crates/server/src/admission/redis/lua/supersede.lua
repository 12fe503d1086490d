-- supersede: a newer login of the user took over; seats are held, the rest is rebound.
-- KEYS, ARGV[1] and the reply as in call.lua.
-- ARGV[2]  user, old, new
-- answer   {ended: the sessions to close}
return answer.of_each(follow.rooms_of(ask.user), function(room)
  seats.expire(room)
  local slot = rooms.slot(room, ask.user)
  local sessions = {}
  if slot then
    sessions = sitting.sessions(slot, function(part) return part.login == ask.old end)
    seats.remove_parts(room, ask.user, sessions, true, 'superseded')
  end
  slot = rooms.slot(room, ask.user)
  if slot then
    -- Neither a deadline nor the state of the slot changes, so no index does.
    if slot.reservation and slot.reservation.login == ask.old then
      -- A copy: the journal may tell of the offer that this step began with, as it was then.
      local rebound = {}
      for name, value in pairs(slot.reservation) do
        rebound[name] = value
      end
      rebound.login = ask.new
      slot.reservation = rebound
    end
    sitting.map_held(slot, function(held)
      if held.login == ask.old then
        held.login = ask.new
      end
      return held
    end)
    rooms.keep(room, ask.user, slot)
  end
  local waiter = line.get(room, ask.user)
  if waiter and waiter.login == ask.old then
    waiter.login = ask.new
    line.put(room, ask.user, waiter)
  end
  seats.finish(room)
  return sessions
end)
