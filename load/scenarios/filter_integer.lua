-- A page of 100 of the hundredth of all versions that had so many epochs.
require "common"

function request()
    return filtered(string.format("epochs = %d", any(100)))
end
