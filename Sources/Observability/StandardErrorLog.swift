import AsyncPrimitives
import Glibc

/// Lines to standard error, written by a thread of its own: a slow reader costs lines, which are counted, and never holds up work.
///
/// Unchecked: `lines` synchronizes, the rest is constant.
package final class StandardErrorLog: LogSink, @unchecked Sendable {
    private let lines = BlockingQueue<[UInt8]>()
    private let waiting = LockedValue((count: 0, dropped: 0, total: 0))
    private let asJSON: Bool
    private let descriptor: Int32
    private var thread = pthread_t()
    private static let capacity = 10_000

    /// - Parameter asJSON: nil chooses text on a terminal and JSON elsewhere.
    package init(asJSON: Bool? = nil, descriptor: Int32 = STDERR_FILENO) {
        self.asJSON = asJSON ?? (isatty(descriptor) == 0)
        self.descriptor = descriptor
        thread = DetachedThread.startJoinable { self.drain() }
    }

    package var dropped: Int { waiting.withLock { $0.total } }

    /// Nil for a line that is dropped; else how many were dropped before it, where its writer reports them.
    private func admit(reporting: Bool) -> Int? {
        waiting.withLock { waiting in
            if waiting.count >= Self.capacity {
                waiting.dropped += 1
                waiting.total += 1
                return nil
            }
            guard reporting else {
                waiting.count += 1
                return 0
            }
            defer { waiting.dropped = 0 }
            waiting.count += waiting.dropped > 0 ? 2 : 1
            return waiting.dropped
        }
    }

    package func write(raw line: [UInt8]) {
        // The report of what was dropped comes with the next line of the log.
        if admit(reporting: false) != nil { lines.put(line) }
    }

    package func write(_ line: LogLine) {
        guard let dropped = admit(reporting: true) else { return }
        if dropped > 0 {
            var report = line
            report.level = .warning
            report.message = "log lines dropped: the reader of standard error is too slow"
            report.metadata = [("lines", "\(dropped)")]
            put(report)
        }
        put(line)
    }

    private func put(_ line: LogLine) { lines.put(asJSON ? line.json : line.text) }

    /// Writes what is left and ends the thread. Nothing may be logged after.
    package func close() {
        lines.close()
        pthread_join(thread, nil)
    }

    private func drain() {
        while let line = lines.take() {
            waiting.withLock { $0.count -= 1 }
            var offset = 0
            while offset < line.count {
                let count = line.withUnsafeBytes {
                    Glibc.write(descriptor, $0.baseAddress! + offset, line.count - offset)
                }
                if count < 0, errno != EINTR { break }
                offset += max(0, count)
            }
        }
    }
}
