// Uploads a file with the stock tus-js-client in parts that go at the same time.
// usage: node parallel.cjs ENDPOINT FILE PARTS METADATA_AS_JSON METADATA_FOR_PARTS_AS_JSON|-

const fs = require('node:fs')
const { Upload } = require('tus-js-client')

const [endpoint, path, parts, metadata, ofParts] = process.argv.slice(2)
const upload = new Upload(fs.createReadStream(path), {
  endpoint,
  chunkSize: 8 * 1024 * 1024,
  parallelUploads: Number(parts),
  metadata: JSON.parse(metadata),
  ...(ofParts === '-' ? {} : { metadataForPartialUploads: JSON.parse(ofParts) }),
  retryDelays: Array(20).fill(500),
  onError: (error) => {
    console.error(String(error))
    process.exitCode = 1
  },
  onSuccess: () => console.log(`done ${upload.url}`),
})
upload.start()
