@main struct Ingestctl { static func main() {} }
