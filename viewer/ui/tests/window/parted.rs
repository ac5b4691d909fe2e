// SPDX-License-Identifier: Apache-2.0
//! Memory parted: in bands over time, by size and by lifetime, and by what is asked about a function.

use crate::driver::Driver;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use std::time::{Duration, Instant};

#[test]
fn a_band_that_is_clicked_is_all_that_is_shown_until_its_chip_is_removed() {
    let mut driver = Driver::open("v13-py3.13/threads.bin");
    driver.press(Key::Num7);
    assert!(driver.is_on(Role::Tab, "Over time"));
    let all = driver.canvas("Bands");
    assert!(all.starts_with("threads up to "), "{all}");
    driver.click(Role::RadioButton, "Thread");
    let by_thread = driver.canvas("Bands");
    let largest = by_thread.split(" up to ").next().unwrap().to_owned();
    let names: Vec<&str> = by_thread.split(", ").filter_map(|band| band.split(" up to ").next()).collect();
    assert!(names.len() > 2 && names[0] == "main", "{by_thread}");
    let button = driver.harness.get_all_by_role(Role::Button);
    let of_largest: Vec<_> = button.filter(|b| label(b).starts_with(&format!("{largest} "))).collect();
    assert_eq!(of_largest.len(), 1);
    of_largest[0].click();
    drop(of_largest);
    driver.settle();
    assert!(driver.shows_part(", only thread main"));
    assert_eq!(driver.canvas("Bands").split(", ").count(), 1, "only this thread is left");
    driver.click(Role::Button, "thread: main  ×");
    assert_eq!(driver.canvas("Bands"), by_thread);
    driver.click(Role::RadioButton, "Function");
    let by_function = driver.canvas("Bands");
    assert!(by_function.contains(" up to ") && by_function != by_thread, "{by_function}");
}

fn label(node: &egui_kittest::Node<'_>) -> String {
    use egui_kittest::kittest::NodeT as _;
    node.accesskit_node().label().unwrap_or_default()
}

#[test]
fn libraries_are_bands_only_where_native_stacks_were_recorded() {
    let mut driver = Driver::open("v13-py3.13/threads.bin");
    driver.press(Key::Num7);
    assert!(driver.is_disabled(Role::RadioButton, "Native library"));
    let mut driver = Driver::open("v13-py3.13/numpy_native.bin");
    driver.press(Key::Num7);
    driver.click(Role::RadioButton, "Native library");
    assert!(driver.canvas("Bands").contains(".so"), "{}", driver.canvas("Bands"));
}

#[test]
fn an_aggregated_capture_says_why_it_has_no_bands_and_no_lifetimes() {
    let mut driver = Driver::open("v13-py3.13/threads_aggregated.bin");
    assert!(!driver.shows("Lifetimes"));
    driver.press(Key::Num7);
    assert!(driver.shows_part("this capture holds only sums") || driver.shows_part("This capture holds only sums"));
}

#[test]
fn bars_of_sizes_and_lifetimes_become_filters() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    assert!(driver.shows("Lifetimes") && driver.shows("Sizes"));
    assert!(driver.shows_part("Allocated in the whole run: "));
    driver.click(Role::RadioButton, "Leaked");
    let leaked = driver.harness.get_by_label_contains("Still live at the end: ");
    let leaked = label(&leaked);
    let never = driver.harness.get_all_by_role(Role::Button).find(|b| label(b).starts_with("never freed ")).unwrap();
    never.click();
    driver.settle();
    assert!(driver.shows("never freed  ×"));
    let now = label(&driver.harness.get_by_label_contains("Still live at the end, only never freed: "));
    let amount = |words: &str| words.split(": ").nth(1).map(str::to_owned);
    assert_eq!(amount(&now), amount(&leaked), "what leaked was never freed");
    driver.click(Role::RadioButton, "Churn");
    assert!(driver.shows_part("freed or not, only never freed: "));
    driver.click(Role::Button, "never freed  ×");
    let mut sizes = driver.harness.get_all_by_role(Role::Button).filter(|b| label(b).starts_with("allocations "));
    sizes.next().unwrap().click();
    drop(sizes);
    driver.settle();
    assert!(driver.shows_part("freed or not, only allocations "));
    // What a filter left out comes back as any view does.
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(!driver.shows_part("freed or not, only allocations "));
}

#[test]
fn a_function_in_a_table_is_left_out_with_its_stacks_or_started_at() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::Num2);
    let row = driver.harness.get_all_by_label_contains("load cli.py").next().map(|row| label(&row)).unwrap();
    for (entry, chip, words) in [
        ("Hide stacks with this function", "without load (cli.py)  ×", "only without load (cli.py)"),
        ("Start stacks at this function", "from load (cli.py) on  ×", "only from load (cli.py) on"),
        ("Focus on this function", "only load (cli.py)  ×", "only the function load (cli.py)"),
    ] {
        driver.harness.get_all_by_label(&row).next().unwrap().click_secondary();
        driver.settle();
        driver.click(Role::Button, entry);
        assert!(driver.shows_part(words), "{entry}");
        driver.click(Role::Button, chip);
        assert!(!driver.shows_part(words), "{entry}");
    }
    driver.harness.get_all_by_label(&row).next().unwrap().click_secondary();
    driver.settle();
    driver.click(Role::Button, "Callers and callees");
    assert!(driver.is_on(Role::Tab, "Callers"));
    assert!(driver.shows_part("load: "));
}

#[test]
fn the_selected_line_opens_in_the_editor_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let (source, seen) = (folder.path().join("cli.py"), folder.path().join("seen"));
    std::fs::write(&source, "a line\n".repeat(200)).unwrap();
    let capture = folder.path().join("items.bin");
    std::fs::copy(crate::driver::capture("v13-py3.13/items.bin"), &capture).unwrap();
    let settings = folder.path().join("settings.json");
    let editor = format!("cp {{file}} {}", seen.display());
    let sources = folder.path().display();
    std::fs::write(&settings, format!(r#"{{"editor": "{editor}", "source_folders": "{sources}"}}"#)).unwrap();
    let mut driver = Driver::with_settings(Some(&capture), &settings);
    driver.press(Key::E);
    assert!(driver.shows("Select a frame that has a source file"));
    driver.press(Key::Num2);
    driver.harness.get_all_by_label_contains("load cli.py").next().unwrap().click();
    driver.settle();
    driver.press(Key::E);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !std::fs::read_to_string(&seen).is_ok_and(|text| text.len() == 1400) {
        assert!(Instant::now() < deadline, "the editor was given no file");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Types a path where the window asks for one.
fn save_as(driver: &mut Driver, label: &str, path: &std::path::Path) {
    driver.harness.get_by_role_and_label(Role::TextInput, label).focus();
    driver.harness.run_steps(2);
    driver.harness.get_by_role_and_label(Role::TextInput, label).type_text(path.to_str().unwrap());
    driver.harness.run_steps(2);
    driver.harness.key_press(Key::Enter);
    driver.harness.run_steps(2);
}

#[test]
fn the_numbers_of_each_view_are_saved_as_csv_and_nothing_is_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = Driver::open("v13-py3.13/items.bin");
    for (key, name, heading) in [
        (Key::Num1, "icicle.csv", "bytes,allocations,thread,stack\r\n"),
        (Key::Num2, "table.csv", "function,file,line,bytes,allocations,own_bytes,own_allocations\r\n"),
        (Key::Num3, "growth.csv", "function,file,line,bytes_before,bytes_after,slope_bytes_per_hour,shape\r\n"),
        (Key::Num4, "sizes.csv", "size_bytes,allocations\r\n"),
        (Key::Num7, "bands.csv", "elapsed_ms,"),
    ] {
        let path = folder.path().join(name);
        driver.press(key);
        driver.press_with(Modifiers::COMMAND, Key::S);
        save_as(&mut driver, "Path of the CSV file", &path.with_extension(""));
        driver.settle();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(heading), "{name}: {text}");
        assert!(text.lines().count() > 5, "{name}");
        assert!(driver.shows_part(&format!("Saved {}", path.display())), "{name}");
    }
    // The bytes of the stacks are those of the capture's peak.
    let stacks = std::fs::read_to_string(folder.path().join("icicle.csv")).unwrap();
    let bytes = stacks.lines().skip(1).map(|line| line.split(',').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(bytes.sum::<u64>(), 3_793_013);
    driver.press_with(Modifiers::COMMAND, Key::S);
    let table = folder.path().join("table.csv");
    save_as(&mut driver, "Path of the CSV file", &table.with_extension(""));
    driver.settle();
    assert!(driver.shows("There is a file of that name. Enter replaces it."));
    assert!(std::fs::read_to_string(&table).unwrap().starts_with("function,"), "not yet");
    driver.press(Key::Enter);
    assert!(std::fs::read_to_string(&table).unwrap().starts_with("elapsed_ms,"), "once that was said");
    driver.press_with(Modifiers::COMMAND, Key::S);
    save_as(&mut driver, "Path of the CSV file", &folder.path().join("none/table.csv"));
    driver.settle();
    assert!(driver.shows_part("cannot be written: there is no such folder"));
}

#[test]
fn a_filter_and_the_selection_are_found_again_by_name_after_a_reload_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.bin");
    let whole = std::fs::read(crate::driver::capture("v13-py3.13/items_raw.bin")).unwrap();
    // As it was while the program ran.
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let mut driver = Driver::open_path(&path);
    driver.press(Key::Num7);
    driver.click(Role::RadioButton, "Own-code line");
    let mut bands = driver.harness.get_all_by_role(Role::Button).filter(|b| label(b).starts_with("load "));
    bands.next_back().unwrap().click();
    drop(bands);
    driver.settle();
    assert!(driver.shows_part(", only line load (cli.py:"));
    driver.press(Key::Num1);
    driver.press(Key::ArrowDown);
    driver.press(Key::ArrowDown);
    let selected = |driver: &Driver| label(&driver.harness.get_by_role(Role::TreeItem));
    let before = selected(&driver);
    std::fs::write(&path, &whole).unwrap();
    driver.press(Key::F5);
    assert!(driver.shows_part(", only line load (cli.py:"));
    assert_eq!(selected(&driver), before);
    // A program with fewer lines.
    std::fs::copy(crate::driver::capture("v13-py3.13/nothing.bin"), &path).unwrap();
    driver.press(Key::F5);
    assert!(!driver.shows_part(", only line"));
    driver.press(Key::Num1);
    assert!(driver.shows_part("Live at the peak"));
}
