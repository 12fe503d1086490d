-- The reply.
local answer = {}

function answer.give(value)
  local touched = {}
  for _, room in pairs(rooms.touched) do
    table.insert(touched, room)
  end
  return cjson.encode({ now = clock.now, step = clock.step, answer = value,
    journal = rooms.journal, rooms = touched })
end

-- There is no such room. One that the store lists but knows nothing of was lost.
function answer.no_room(id)
  if redis.call('SISMEMBER', prefix .. 'rooms', id) == 1
    and redis.call('EXISTS', prefix .. 'room:' .. id) == 0 then
    return cjson.encode({ refused = 'lost' })
  end
  if not rooms.touched[id] then
    rooms.touched[id] = { room = id, gone = true }
  end
  return answer.give({ refused = 'no_room' })
end

-- A step in each of several rooms that are there; the sessions that ended with them.
function answer.of_each(ids, act)
  local all = {}
  for _, id in ipairs(ids) do
    local room = rooms.open(id)
    if room then
      for _, session in ipairs(act(room)) do
        table.insert(all, session)
      end
      follow.step(room)
    end
  end
  return answer.give({ ended = all })
end
