-- Take one use of a grant for one Check. KEYS[9] ticket, [10] its body.
-- There is no `rev` to compare: what is taken is a count that this script alone reads and lowers in one step, and
-- every other condition is checked here again, so it doesn't matter what the caller saw before.
local ticket, body = KEYS[9], KEYS[10]
local id, digest, check, has_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local uses_now, window_now, retention = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local replay_window, replays_max, remembered = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local redeemed_data, used_up_data, body_retention = ARGV[11], ARGV[12], ARGV[13]

local bad = damaged() or wrong_type(ticket, 'hash') or wrong_type(body, 'string')
if bad then
  return bad
end
local now = now_ms()
local known = redis.call('HMGET', ticket, 'state', 'rev', 'digest', 'uses', 'uses_left', 'approved_at', 'window_until',
  'created_at')
local state, rev, same = known[1], known[2], known[3] == digest
if not state then
  return 'unknown'
end
local used = tonumber(known[4]) - tonumber(known[5])

-- Envoy's retry of a Check that was counted already: the answer went missing, the use is taken. The use that ends a
-- grant may be the one that is asked for again; what was taken back since, or replaced, gives nothing any more.
local replayed = state == 'approved' or state == 'used_up' or state == 'lapsed'
if replayed and has_id == '1' and same and used > 0 then
  local slots = {}
  for slot = 0, math.min(used, remembered) - 1 do
    slots[#slots + 1] = 'use:' .. slot
  end
  for i, entry in ipairs(redis.call('HMGET', ticket, unpack(slots))) do
    local at, replays, whose = string.match(entry, '^(%d+) (%d+) (.*)$')
    if whose == check and tonumber(replays) < replays_max and now - tonumber(at) <= replay_window then
      redis.call('HSET', ticket, slots[i], at .. ' ' .. (tonumber(replays) + 1) .. ' ' .. whose)
      return 'replayed'
    end
  end
end

if state == 'used_up' or state == 'lapsed' then
  return state
end
if state ~= 'approved' then
  return 'not_approved'
end
if not same then
  return 'changed'
end
if now >= tonumber(known[7]) or now >= tonumber(known[6]) + window_now then
  return 'lapsed'
end
if used >= math.min(tonumber(known[4]), uses_now) then
  return 'used_up'
end

local left = tonumber(known[5]) - 1
local next_rev = text(tonumber(rev) + 1)
record(now, 'grant.redeemed', id, next_rev, redeemed_data, 'uses_left', left)
if left == 0 then
  record(now, 'grant.used_up', id, next_rev, used_up_data)
end
redis.call('HSET', ticket, 'rev', next_rev, 'uses_left', left,
  'use:' .. (used % remembered), text(now) .. ' 0 ' .. check)
if left == 0 then
  redis.call('ZREM', APPROVED, id)
  finish(ticket, body, id, known[8], 'approved', 'used_up', now, retention, body_retention)
end
return 'redeemed'
