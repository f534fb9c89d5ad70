import AsyncPrimitives
import ExtractionWire
import FoundationEssentials
import Glibc
import IngestCore
import TextCoding

/// Cuts the documents of a file of JSON lines again and again, and prints how much processor time that took: `chunk-bench FILE ROUNDS [TOKENS [STRATEGY]]`.
@main struct ChunkBench {
    private struct Line: Decodable {
        var text: String
        /// Kind, level, start, end.
        var blocks: [[Int]]
    }

    static func main() throws {
        let words = CommandLine.arguments
        guard words.count >= 3, let rounds = Int(words[2]), (1...1000).contains(rounds) else {
            print("chunk-bench FILE ROUNDS [TOKENS [STRATEGY]]")
            exit(64)
        }
        let documents = try read(words[1])
        let strategy = words.count > 4 ? ChunkingSettings.Strategy(rawValue: words[4]) ?? .structure : .structure
        var settings = ChunkingSettings()
        settings.strategy = strategy
        if words.count > 3, let tokens = Int(words[3]), (16...8191).contains(tokens) { settings.tokens = tokens }
        let chunker = Chunker(settings, maximumChunks: 1_000_000)
        let bytes = documents.reduce(0) { $0 + $1.text.count }
        var times: [Double] = []
        var chunks = 0
        // In the first round every text is new, as texts are to a worker; in the others counts of pieces are known.
        for _ in 0...rounds {
            let begun = processorSeconds()
            chunks = try documents.reduce(0) { $0 + (try chunker.chunks(of: $1).count) }
            times.append(processorSeconds() - begun)
        }
        let first = times.removeFirst()
        times.sort()
        let median = times[times.count / 2]
        let figures = JSONWriter.object { json in
            json.field("bytes", bytes)
            json.field("chunks", chunks)
            json.key("seconds")
            json.number(median)
            json.key("firstSeconds")
            json.number(first)
        }
        print(String(decoding: figures, as: UTF8.self))
    }

    private static func read(_ path: String) throws -> [ExtractedDocument] {
        let data = try Data(contentsOf: URL(filePath: path))
        return try data.split(separator: 0x0A).map { line in
            let read = try JSONDecoder().decode(Line.self, from: Data(line))
            let blocks = read.blocks.map { values in
                Block(
                    kind: Block.Kind(rawValue: UInt8(clamping: values[0])) ?? .paragraph,
                    level: UInt8(clamping: values[1]),
                    start: values[2],
                    end: values[3]
                )
            }
            return ExtractedDocument(format: .text, text: Array(read.text.utf8), blocks: blocks)
        }
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
