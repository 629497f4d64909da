"""Files that staff give and take: `files` reads and writes CSV and XLSX, `resources` say what the columns mean, `jobs`
bring a file in, step by step. Apps register their resources in `AppConfig.ready`.
"""
