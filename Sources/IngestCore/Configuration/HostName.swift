import Glibc

/// The machine's name; on ECS the task's.
package enum HostName {
    package static var current: String {
        var name = [UInt8](repeating: 0, count: 256)
        let failed = name.withUnsafeMutableBytes {
            gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), 255)
        }
        return failed != 0 ? "" : String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }
}
