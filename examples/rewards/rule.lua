-- A rule in Lua: the share of the row's keywords that the completion uses.
function reward(sample)
  local keywords = sample.row and sample.row.keywords
  if not keywords or #keywords == 0 then
    return nil, "the row has no keywords"
  end
  local text, found = sample.completion:lower(), 0
  for _, word in ipairs(keywords) do
    if text:find(word:lower(), 1, true) then found = found + 1 end
  end
  return found / #keywords
end
