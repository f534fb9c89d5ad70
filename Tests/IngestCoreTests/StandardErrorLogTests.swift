import AsyncPrimitives
import Glibc
import Observability
import Testing
import TextCoding

@Suite struct StandardErrorLogTests {
    @Test func aSlowReaderCostsLinesWhichAreReported() async throws {
        var pipe: [Int32] = [0, 0]
        try #require(Glibc.pipe(&pipe) == 0)
        let sink = StandardErrorLog(asJSON: true, descriptor: pipe[1])
        let log = Log(label: "test", level: .info, sink: sink, time: SystemTime())
        // Far more than a pipe and the queue hold, while the other side reads nothing.
        for number in 0..<30_000 { log.info("line", ["number": "\(number)"]) }
        let (output, input) = (pipe[0], pipe[1])
        let reader = Promise<[UInt8]>()
        DetachedThread.start {
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(output, &buffer, buffer.count), count > 0 { text += buffer[..<count] }
            reader.fulfil(.success(text))
        }
        // Once there is room again, the next line says how many are missing.
        try await Task.sleep(for: .milliseconds(500))
        log.info("after", [:])
        sink.close()
        close(input)
        let text = String(decoding: try await reader.value(), as: UTF8.self)
        close(output)
        let lines = text.split(separator: "\n")
        let report = try #require(lines.first { $0.contains("log lines dropped") })
        let count = try #require(JSONValue(parsing: Array(report.utf8))?["attributes"]?["lines"])
        let dropped = try #require(count.text.flatMap { Int($0) })
        #expect(count == .number(Double(dropped)) && sink.dropped == dropped)
        #expect(lines.count { $0.contains("\"line\"") } + dropped == 30_000)
        #expect(lines.last?.contains("after") == true)
    }
}
