import Glibc

/// What the kernel says of this process, in the names of Prometheus' client libraries.
package enum ProcessReadings {
    package static var all: [Metrics.Reading] {
        [
            Metrics.Reading(.residentMemory, nil, Double(residentBytes(of: "self"))),
            Metrics.Reading(.openFiles, nil, openFiles),
        ]
    }

    /// Of a process by its number, or of `self`; 0 where the kernel does not say (proc(5), /proc/pid/statm).
    package static func residentBytes(of process: String) -> Int {
        guard let file = fopen("/proc/\(process)/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [UInt8](repeating: 0, count: 128)
        let count = fread(&line, 1, line.count, file)
        let fields = line[..<count].split(separator: 0x20)
        return fields.count > 1 ? (Int(String(decoding: fields[1], as: UTF8.self)) ?? 0) * Int(getpagesize()) : 0
    }

    private static var openFiles: Double {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // ".", ".." and the folder itself.
        return Double(max(0, count - 3))
    }
}
