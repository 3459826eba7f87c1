-- Take places away whose ticket or review is not there any more: its TTL came before any sweep, or somebody deleted it.
-- KEYS[9] open reviews by due time, [10] the same by requester, [11..] three for each place of a ticket (ticket, body,
-- deliveries), then one for each of a review. ARGV: the states' names, how many places are from the index and how many
-- from the open tickets, and the places themselves: those, these, and the rest from the open reviews by requester.
local reviews, breakers = KEYS[9], KEYS[10]
local states, indexed, open = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local bad = damaged() or wrong_type(reviews, 'zset') or wrong_type(breakers, 'zset')
if bad then
  return bad
end

local function gone(key)
  return redis.call('TYPE', key).ok == 'none'
end

-- The release before does a review without taking this place away.
local function done(key)
  return redis.call('TYPE', key).ok == 'hash' and redis.call('HGET', key, 'done_at')
end

local taken = 0
for i = 1, indexed + open do
  local ticket, body, deliveries, place = KEYS[8 + 3 * i], KEYS[9 + 3 * i], KEYS[10 + 3 * i], ARGV[3 + i]
  -- An id is given once, with its places and in the same step. What isn't there by now is never there again.
  if gone(ticket) then
    if i <= indexed then
      local tail = string.match(place, '^all(:.*)$')
      redis.call('ZREM', INDEX, place)
      for state in string.gmatch(states, '%S+') do
        redis.call('ZREM', INDEX, state .. tail)
        redis.call('ZREM', GARBAGE, state .. tail)
      end
      redis.call('ZREM', APPROVED, string.match(place, '[^:]+$'))
    else
      redis.call('ZREM', REQUESTERS, place)
      redis.call('ZREM', PENDING, place)
    end
    redis.call('DEL', body, deliveries)
    taken = taken + 1
  end
end
local tickets = indexed + open
for i = tickets + 1, #ARGV - 3 do
  local review, place = KEYS[10 + 2 * tickets + i], ARGV[3 + i]
  if gone(review) or done(review) then
    redis.call('ZREM', breakers, place)
    redis.call('ZREM', reviews, string.match(place, '[^:]+$'))
    taken = taken + 1
  end
end
return taken
