-- Goes through the versions of a model of thousands, each with ten properties, twenty a page. Whoever is answered first says
-- where the next request continues.
require "common"

local token = nil

function request()
    local path = KUBEFLOW .. "/registered_models/" .. options.large_model .. "/versions?pageSize=20"
    return wrk.format("GET", token and path .. "&nextPageToken=" .. escape(token) or path)
end

function learn(status, _, body)
    if status == 200 then
        token = body:match('"nextPageToken":"([^"]+)"')
    end
end
