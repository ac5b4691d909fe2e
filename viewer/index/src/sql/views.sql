-- What a capture's index says, as tables. Bytes are whole numbers, times are milliseconds since recording began.

-- capture (key, value): the capture as a whole, a fact in each row: file_name, file_bytes, format_version, command_line, pid,
-- python_version, recorder, is_aggregated, has_native_stacks, traces_python_allocators, stops_early, start_unix_ms,
-- duration_ms, records, allocations, total_bytes, peak_bytes, peak_ms, end_bytes, peak_rss_bytes, peak_rss_ms.

-- Threads, by the order in which they were first seen. `number` is what the program knows them by.
CREATE TEMP VIEW threads AS
  SELECT thread.id, thread.number, CAST(names.name AS TEXT) AS name
  FROM main.threads AS thread LEFT JOIN main.names ON names.id = thread.name;

-- Lines of functions. `kind` is python, native (a function with a name) or library (one without); `is_own_code` is what lies
-- outside the standard library and installed packages. Row 0 stands for no line.
CREATE TEMP VIEW locations AS
  SELECT location.id, CAST(function.name AS TEXT) AS function, CAST(file.name AS TEXT) AS file, location.line,
    CAST(module.name AS TEXT) AS module,
    CASE location.kind WHEN 0 THEN 'python' WHEN 1 THEN 'native' ELSE 'library' END AS kind,
    location.traits & 1 AS is_own_code, location.traits >> 1 & 1 AS is_standard_library,
    location.traits >> 2 & 1 AS is_import_system
  FROM main.locations AS location JOIN main.names AS function ON function.id = location.function
    JOIN main.names AS file ON file.id = location.file JOIN main.names AS module ON module.id = location.module;

-- Stacks, each by its innermost frame and the stack that called it; 0 is the empty stack, which all begin with.
CREATE TEMP VIEW stacks AS
  SELECT stack.id, stack.parent, stack.location, location.function, location.file, location.line, location.module,
    location.is_own_code
  FROM main.call_tree AS stack JOIN locations AS location ON location.id = stack.location;

-- Who allocates: a stack, its thread, the allocator it called and the sizes it asked for (from a power of two up to the next;
-- not of aggregated captures), and how much that was: live at the peak, live at the end, and in all. The sums over all rows
-- are the capture's.
CREATE TEMP VIEW sites AS
  SELECT site.id, site.stack, site.thread, allocator.name AS allocator,
    CASE site.size_class WHEN 0 THEN 0 ELSE 1 << (site.size_class - 1) END AS min_size_bytes,
    CASE site.size_class WHEN 63 THEN 9223372036854775807 ELSE (1 << site.size_class) - 1 END AS max_size_bytes,
    site.peak_bytes, site.peak_allocations,
    site.leaked_bytes, site.leaked_allocations, site.total_bytes, site.total_allocations
  FROM site_rows AS site JOIN allocators AS allocator ON allocator.id = site.allocator;

-- Memory over time: the resident set and the heap at each sample.
CREATE TEMP VIEW snapshots AS
  SELECT id, time_ms - @START@ AS elapsed_ms, time_ms AS unix_ms, rss_bytes, heap_bytes FROM main.snapshots;

-- How long allocations lived, those of one site that were born and died at about the same time in one row: `born_ms` is
-- the sample before the birth, `died_ms` the one after the death, NULL of what was never freed. Not of aggregated captures.
CREATE TEMP VIEW lifetimes AS SELECT site, born_ms, died_ms, bytes, allocations FROM lifetime_rows;

-- Allocations that were freed when their thread had made `distance` more.
CREATE TEMP VIEW temporary AS SELECT site, distance, bytes, allocations FROM main.temporary;
