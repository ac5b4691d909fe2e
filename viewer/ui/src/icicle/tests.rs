// SPDX-License-Identifier: Apache-2.0
//! The icicle's behaviour, driven by mouse and keyboard as a user would.

use super::sample::{Branch, Numbered, tower, tree};
use super::view::View;
use super::{Changes, Events, Hits, Icicle, Place, Selection, Shown, Source, search};
use crate::fonts;
use crate::function_menu::FunctionAction;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, Role, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use memray_compare::{Delta, Side, UnionTree};
use memray_index::{Amount, Pattern, Tree, TreeNodeId};
use memray_report::size::Units;

struct Fixture {
    icicle: Icicle,
    tree: Tree,
    generation: u64,
    is_flames: bool,
    is_signed: bool,
    is_animated: bool,
    hits: Option<Hits>,
    selected: Option<TreeNodeId>,
    rect: Rect,
    events: Vec<Events>,
    changes: Option<UnionTree>,
    shown: Shown,
}

const ROW: f32 = 21.0;

fn fixture(tree: Tree) -> Fixture {
    Fixture {
        icicle: Icicle::default(),
        tree,
        generation: 1,
        is_flames: false,
        is_signed: false,
        is_animated: false,
        hits: None,
        selected: None,
        rect: Rect::NOTHING,
        events: Vec::new(),
        changes: None,
        shown: Shown::Change,
    }
}

fn show(fixture: Fixture) -> Harness<'static, Fixture> {
    let mut harness = Harness::builder()
        .with_size(vec2(1016.0, 416.0))
        // A double click takes less than 0.3 s, and each event a step.
        .with_step_dt(0.05)
        .with_max_steps(30)
        .with_context_setup(fonts::install)
        .build_ui_state(
            |ui, fixture: &mut Fixture| {
                fixture.rect = ui.available_rect_before_wrap();
                ui.style_mut().animation_time = if fixture.is_animated { 0.2 } else { 0.0 };
                let source = Source {
                    tree: &fixture.tree,
                    generation: fixture.generation,
                    total: fixture.tree.nodes[0].amount,
                    labels: &Numbered,
                    is_signed: fixture.is_signed,
                    is_flames: fixture.is_flames,
                    is_coloured: true,
                    hits: fixture.hits.as_ref(),
                    selected: fixture.selected,
                    units: Units::Binary,
                    is_of_one_capture: fixture.changes.is_none(),
                    changes: fixture.changes.as_ref().map(|tree| Changes { tree, shown: fixture.shown }),
                };
                let events = fixture.icicle.show(ui, &source);
                if let Some(selection) = events.selection {
                    fixture.selected = selection.frame();
                }
                if events != Events::default() {
                    fixture.events.push(events);
                }
            },
            fixture,
        );
    harness.run();
    harness
}

/// `<root>` 1000, below it 12 (600: 14 (400: 20 (300)), 15 (150)) and 16 (300: 17 (100)).
fn sample() -> Tree {
    tree(&Branch::new(0, 1000).over([
        Branch::new(12, 600).over([Branch::new(14, 400).over([Branch::new(20, 300)]), Branch::new(15, 150)]),
        Branch::new(16, 300).over([Branch::new(17, 100)]),
    ]))
}

fn row_of(harness: &Harness<'_, Fixture>, location: u32) -> TreeNodeId {
    let row = harness.state().tree.nodes.iter().position(|node| node.location.0 == location);
    TreeNodeId(row.expect("a frame of that location") as u32)
}

/// A point on the screen: a share of the width, and a level from the icicle's edge.
fn at(harness: &Harness<'_, Fixture>, share: f32, level: u32) -> Pos2 {
    let fixture = harness.state();
    let from_edge = (level as f32 + 0.5) * ROW;
    let y = if fixture.is_flames { fixture.rect.bottom() - from_edge } else { fixture.rect.top() + from_edge };
    pos2(fixture.rect.left() + share * fixture.rect.width(), y)
}

fn press(harness: &mut Harness<'_, Fixture>, pos: Pos2, button: PointerButton) {
    harness.event(Event::PointerMoved(pos));
    for pressed in [true, false] {
        harness.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
    }
    // Long enough for the next click to be one of its own.
    harness.run_steps(10);
}

fn click(harness: &mut Harness<'_, Fixture>, share: f32, level: u32) {
    let pos = at(harness, share, level);
    press(harness, pos, PointerButton::Primary);
}

fn double_click(harness: &mut Harness<'_, Fixture>, share: f32, level: u32) {
    let pos = at(harness, share, level);
    harness.event(Event::PointerMoved(pos));
    for pressed in [true, false, true, false] {
        harness.event(Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    harness.run();
}

fn selected(harness: &Harness<'_, Fixture>) -> Option<u32> {
    harness.state().selected.map(|node| harness.state().tree.node(node).location.0)
}

fn view(harness: &Harness<'_, Fixture>) -> View {
    harness.state().icicle.shown().0
}

fn level(harness: &Harness<'_, Fixture>) -> f64 {
    harness.state().icicle.shown().1
}

#[test]
fn a_click_selects_the_frame_under_the_pointer_and_one_beside_them_selects_nothing() {
    let mut harness = show(fixture(sample()));
    click(&mut harness, 0.2, 1);
    assert_eq!(selected(&harness), Some(12));
    click(&mut harness, 0.65, 1);
    assert_eq!(selected(&harness), Some(16));
    click(&mut harness, 0.5, 2);
    assert_eq!(selected(&harness), Some(15));
    click(&mut harness, 0.95, 3);
    assert_eq!(selected(&harness), None);
    assert_eq!(view(&harness), View::of(0, 1000));
}

#[test]
fn in_flames_the_root_is_at_the_bottom() {
    let mut harness = show(Fixture { is_flames: true, ..fixture(sample()) });
    click(&mut harness, 0.1, 3);
    assert_eq!(selected(&harness), Some(20));
}

#[test]
fn a_double_click_zooms_to_the_frame() {
    let mut harness = show(fixture(sample()));
    double_click(&mut harness, 0.65, 1);
    assert_eq!(view(&harness), View::of(600, 300));
    // The frame now spans the width, and so do the frames it lies in.
    click(&mut harness, 0.99, 1);
    assert_eq!(selected(&harness), Some(16));
    harness.state_mut().icicle.reset();
    harness.run();
    assert_eq!(view(&harness), View::of(0, 1000));
}

#[test]
fn a_click_on_the_frame_that_is_selected_zooms_to_it() {
    let mut harness = show(fixture(sample()));
    click(&mut harness, 0.65, 1);
    assert_eq!(view(&harness), View::of(0, 1000));
    click(&mut harness, 0.65, 1);
    assert_eq!(view(&harness), View::of(600, 300));
    // It is there already; another one is selected first.
    click(&mut harness, 0.65, 1);
    assert_eq!(view(&harness), View::of(600, 300));
    click(&mut harness, 0.5, 0);
    assert_eq!(view(&harness), View::of(600, 300));
}

#[test]
fn enter_zooms_to_the_selection_and_says_what_to_come_back_to() {
    let mut harness = show(fixture(sample()));
    click(&mut harness, 0.1, 2);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(view(&harness), View::of(0, 400));
    click(&mut harness, 0.1, 3);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(view(&harness), View::of(0, 300));
    let left: Vec<Place> = harness.state().events.iter().filter_map(|events| events.left.clone()).collect();
    assert_eq!(left.len(), 2);
    for (place, bytes) in left.into_iter().rev().zip([400, 1000]) {
        harness.state_mut().icicle.go_to(place);
        harness.run();
        assert_eq!(view(&harness), View::of(0, bytes));
    }
    assert_eq!(
        harness.state().events.iter().filter(|events| events.left.is_some()).count(),
        2,
        "going back is no zoom"
    );
}

#[test]
fn ctrl_and_wheel_zoom_and_the_byte_under_the_pointer_stays_there() {
    let mut harness = show(fixture(sample()));
    let pointer = at(&harness, 0.65, 1);
    harness.hover_at(pointer);
    for _ in 0..10 {
        harness.event(Event::Zoom(1.2));
        harness.run();
    }
    let view = view(&harness);
    assert!((view.span() - 1000.0 / 1.2_f64.powi(10)).abs() < 0.5, "{view:?}");
    assert!((view.at(650) - 0.65).abs() < 1e-3, "{view:?}");
    click(&mut harness, 0.65, 1);
    assert_eq!(selected(&harness), Some(16));
}

fn wheel(harness: &mut Harness<'_, Fixture>, delta: egui::Vec2) {
    let pointer = at(harness, 0.5, 3);
    harness.hover_at(pointer);
    harness.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    harness.run_steps(8);
}

#[test]
fn the_wheel_scrolls_through_the_depth_and_stops_at_the_deepest_frame() {
    let mut harness = show(fixture(tower(300, 4096)));
    wheel(&mut harness, vec2(0.0, -10.0 * ROW));
    assert!((level(&harness) - 10.0).abs() < 1e-3, "{}", level(&harness));
    wheel(&mut harness, vec2(0.0, -10_000.0 * ROW));
    let rows = f64::from(harness.state().rect.height() / ROW);
    assert!((level(&harness) - (301.0 - rows)).abs() < 1e-3, "{}", level(&harness));
    wheel(&mut harness, vec2(0.0, 10_000.0 * ROW));
    assert!(level(&harness).abs() < 1e-9);
}

#[test]
fn a_stack_of_a_million_frames_is_shown_to_its_end() {
    let mut harness = show(fixture(tower(1_000_000, 4096)));
    harness.state_mut().icicle.reveal(TreeNodeId(1_000_000));
    harness.run();
    let rows = (harness.state().rect.height() / ROW).floor() as u32;
    click(&mut harness, 0.5, rows - 1);
    assert_eq!(harness.state().selected, Some(TreeNodeId(1_000_000)));
}

#[test]
fn a_drag_pans_what_is_zoomed() {
    let mut harness = show(fixture(sample()));
    harness.state_mut().icicle.zoom_to(TreeNodeId(1));
    harness.run();
    let (from, to) = (at(&harness, 0.5, 1), at(&harness, 0.25, 1));
    harness.hover_at(from);
    harness.drag_at(from);
    harness.run();
    harness.hover_at(to);
    harness.run();
    harness.drop_at(to);
    harness.run();
    assert!((view(&harness).at(150)).abs() < 2e-3, "{:?}", view(&harness));
    assert_eq!(harness.state().selected, None, "a drag is no click");
}

#[test]
fn arrows_move_the_selection_to_parent_heaviest_child_and_siblings() {
    let mut harness = show(fixture(sample()));
    let mut seen = Vec::new();
    for key in [
        Key::ArrowDown,
        Key::ArrowDown,
        Key::ArrowRight,
        Key::ArrowLeft,
        Key::ArrowDown,
        Key::ArrowRight,
        Key::ArrowDown,
        Key::ArrowUp,
        Key::ArrowUp,
    ] {
        harness.key_press(key);
        harness.run();
        seen.push(selected(&harness).unwrap());
    }
    assert_eq!(seen, [12, 14, 15, 14, 20, 20, 20, 14, 12]);
}

#[test]
fn in_flames_arrows_follow_what_is_seen() {
    let mut harness = show(Fixture { is_flames: true, ..fixture(sample()) });
    for key in [Key::ArrowUp, Key::ArrowUp, Key::ArrowUp, Key::ArrowDown] {
        harness.key_press(key);
        harness.run();
    }
    assert_eq!(selected(&harness), Some(14));
}

#[test]
fn zoom_and_selection_stay_with_their_frames_when_another_answer_comes() {
    let mut harness = show(fixture(sample()));
    click(&mut harness, 0.1, 2);
    double_click(&mut harness, 0.2, 1);
    assert_eq!((selected(&harness), view(&harness)), (Some(12), View::of(0, 600)));
    click(&mut harness, 0.1, 2);
    // In the new answer the order of the frames is another, and so are their sizes.
    let state = harness.state_mut();
    state.tree = tree(
        &Branch::new(0, 5000)
            .over([Branch::new(16, 3000), Branch::new(12, 2000).over([Branch::new(15, 900), Branch::new(14, 50)])]),
    );
    state.generation = 2;
    harness.run();
    assert_eq!(selected(&harness), Some(14));
    assert_eq!(view(&harness), View::of(3000, 2000));
    // In the next one neither is there: the innermost frame around them that is, and no selection.
    let state = harness.state_mut();
    state.tree = tree(&Branch::new(0, 70).over([Branch::new(18, 70)]));
    state.generation = 3;
    harness.run();
    assert_eq!(harness.state().selected, None);
    assert_eq!(harness.state().events.last().unwrap().selection, Some(Selection::Nothing));
    assert_eq!(view(&harness), View::of(0, 70));
}

#[test]
fn small_frames_say_how_many_and_how_much_and_show_on_a_double_click() {
    let small = (0..3000).map(|i| Branch::new(100 + i, 1024));
    let root = Branch::new(0, 100 << 20).over(std::iter::once(Branch::new(12, 50 << 20)).chain(small));
    let mut harness = show(fixture(tree(&root)));
    let pointer = at(&harness, 0.51, 1);
    harness.hover_at(pointer);
    harness.run();
    harness.get_by_label("3,000 smaller frames");
    harness.get_by_label("2.93 MiB in all, 2.9 % of the total");
    double_click(&mut harness, 0.51, 1);
    assert_eq!(view(&harness), View::of(50 << 20, 3000 << 10));
}

#[test]
fn the_tooltip_has_bytes_shares_own_bytes_and_allocations() {
    let kib = |kib: i64| kib * 1024;
    let root = Branch::new(0, kib(1000)).over([Branch::new(12, kib(600)).over([Branch::new(14, kib(400))])]);
    let mut harness = show(fixture(tree(&root)));
    let pointer = at(&harness, 0.2, 2);
    harness.hover_at(pointer);
    harness.run();
    for text in ["function_14", "/srv/app/file_14.py:14", "40.0 %", "66.7 %", "401"] {
        harness.get_by_label(text);
    }
    assert_eq!(harness.query_all_by_label("400 KiB (409,600 B)").count(), 2, "in all, and own");
}

#[test]
fn what_shrank_has_a_minus() {
    let root = Branch::new(0, 100_000).over([Branch::new(12, 200_000), Branch::new(14, -100_000)]);
    let mut harness = show(Fixture { is_signed: true, ..fixture(tree(&root)) });
    click(&mut harness, 0.9, 1);
    assert_eq!(selected(&harness), Some(14));
    let value = harness.get_by_role_and_label(Role::TreeItem, "function_14 file_14.py:14").value();
    assert_eq!(value.as_deref(), Some("−97.7 KiB, −100 % of the total, −98 allocations"));
}

#[test]
fn the_context_menu_copies_name_and_stack_and_asks_to_focus_and_hide() {
    let mut harness = show(fixture(sample()));
    let choose = |harness: &mut Harness<'_, Fixture>, item: &str| {
        let pos = at(harness, 0.1, 3);
        press(harness, pos, PointerButton::Secondary);
        harness.get_by_label(item).click();
        harness.step();
        let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        harness.run();
        copied
    };
    assert_eq!(choose(&mut harness, "Copy name").as_deref(), Some("function_20"));
    assert_eq!(
        choose(&mut harness, "Copy stack").as_deref(),
        Some(
            "function_12 (/srv/app/file_12.py:12)\nfunction_14 (/srv/app/file_14.py:14)\nfunction_20 (/srv/app/file_20.py:20)"
        )
    );
    choose(&mut harness, "Focus on this function");
    choose(&mut harness, "Hide this function");
    let node = Some(row_of(&harness, 20));
    let events = &harness.state().events;
    assert_eq!(events.iter().filter_map(|e| e.copied).collect::<Vec<_>>(), ["name", "stack"]);
    let asked = |action| events.iter().any(|e| e.function == node.map(|node| (node, action)));
    assert!(asked(FunctionAction::Focus) && asked(FunctionAction::HideFrames));
    choose(&mut harness, "Zoom to frame");
    assert_eq!(view(&harness), View::of(0, 300));
}

#[test]
fn a_movement_takes_its_time_and_arrives() {
    let mut harness = show(Fixture { is_animated: true, ..fixture(sample()) });
    harness.state_mut().icicle.zoom_to(TreeNodeId(2));
    harness.step();
    assert_eq!(view(&harness), View::of(0, 1000));
    harness.run();
    assert_eq!(view(&harness), View::of(600, 300));
}

#[test]
fn the_selected_frame_can_be_read_aloud() {
    let mut harness = show(fixture(sample()));
    harness.get_by_role_and_label(Role::Canvas, "Icicle");
    click(&mut harness, 0.1, 2);
    let frame = harness.get_by_role_and_label(Role::TreeItem, "function_14 file_14.py:14");
    assert_eq!(frame.value().as_deref(), Some("400 B, 40.0 % of the total, 1 allocation"));
    let width = frame.rect().width();
    assert!((width - 400.0).abs() < 2.0, "as wide as its box: {width}");
}

#[test]
fn a_hit_out_of_sight_is_brought_into_it() {
    let mut harness = show(fixture(sample()));
    let state = harness.state_mut();
    let hits = search(&state.tree, &Numbered, &Pattern::Substring("function_17".to_owned())).unwrap();
    let hit = hits.next(&state.tree, None).unwrap();
    state.hits = Some(hits);
    state.icicle.zoom_to(TreeNodeId(1));
    harness.run();
    assert!(view(&harness).at(600) >= 1.0);
    harness.state_mut().icicle.reveal(hit);
    harness.run();
    let view = view(&harness);
    assert!(view.at(600) >= 0.0 && view.at(700) <= 1.0, "{view:?}");
    assert_eq!(view.span(), 600.0);
}

#[test]
fn a_frame_among_merged_ones_is_brought_into_sight_by_a_zoom() {
    let small = (0..3000).map(|i| Branch::new(100 + i, 1024));
    let root = Branch::new(0, 100 << 20).over(std::iter::once(Branch::new(12, 50 << 20)).chain(small));
    let mut harness = show(fixture(tree(&root)));
    harness.state_mut().icicle.reveal(TreeNodeId(1500));
    harness.run();
    let start = (50 << 20) + 1498 * 1024;
    let view = view(&harness);
    let width = (view.at(start + 1024) - view.at(start)) * 1000.0;
    assert!((width - 120.0).abs() < 1.0 && view.at(start) > 0.0 && view.at(start) < 1.0, "{view:?}");
}

#[test]
fn a_key_is_no_click_wherever_the_pointer_is() {
    let mut harness = show(fixture(sample()));
    click(&mut harness, 0.1, 1);
    let selected = harness.state().selected;
    assert!(selected.is_some());
    // Below all frames.
    harness.hover_at(egui::pos2(harness.state().rect.center().x, harness.state().rect.bottom() - 2.0));
    harness.run();
    for key in [Key::Enter, Key::Space] {
        harness.key_press(key);
        harness.run();
        assert_eq!(harness.state().selected, selected, "{key:?}");
    }
}

#[test]
fn keys_that_do_nothing_here_are_left_to_others() {
    let mut harness = show(fixture(sample()));
    harness.key_press(Key::Escape);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().events, []);
}

#[test]
fn an_empty_answer_is_an_empty_icicle() {
    let mut harness = show(fixture(tree(&Branch::new(0, 0))));
    click(&mut harness, 0.5, 0);
    harness.key_press(Key::ArrowDown);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(view(&harness).span(), 0.5);
    assert!(!harness.state().icicle.is_zoomed(), "of nothing there is no part");
    // Nor does the half unit stay when there is something.
    let state = harness.state_mut();
    (state.tree, state.generation) = (sample(), 2);
    harness.run();
    assert_eq!(view(&harness), View::of(0, 1000));
}

/// `sample` as after, and what each frame had before.
fn compared(before: &[i64]) -> UnionTree {
    let tree = sample();
    let amount = |bytes| Amount { bytes, allocations: i64::from(bytes != 0) };
    let total = tree
        .nodes
        .iter()
        .zip(before)
        .map(|(node, &before)| Delta { before: amount(before), after: amount(node.amount.bytes) });
    UnionTree { total: total.collect(), own: vec![Delta::default(); tree.nodes.len()], tree }
}

#[test]
fn a_frame_of_two_captures_says_what_was_before_what_is_after_and_how_much_changed() {
    // <root>, 12, 16, 14, 15, 17, 20.
    let changes = compared(&[700, 200, 500, 0, 200, 500, 0]);
    let mut harness = show(Fixture { changes: Some(changes), ..fixture(sample()) });
    let value = |harness: &Harness<'_, Fixture>, label: &str| {
        use egui_kittest::kittest::NodeT as _;
        harness.get_by_role_and_label(Role::TreeItem, label).accesskit_node().value().unwrap_or_default()
    };
    click(&mut harness, 0.2, 1);
    assert_eq!(value(&harness, "function_12 file_12.py:12"), "200 B before, 600 B after, +400 B, +200 %");
    click(&mut harness, 0.1, 2);
    assert_eq!(value(&harness, "function_14 file_14.py:14"), "0 B before, 400 B after, +400 B, new");
    click(&mut harness, 0.65, 1);
    assert_eq!(value(&harness, "function_16 file_16.py:16"), "500 B before, 300 B after, \u{2212}200 B, \u{2212}40 %");
}

#[test]
fn icicles_side_by_side_have_names_of_their_own() {
    for (shown, name) in [(Shown::Amount(Side::Before), "Icicle of A"), (Shown::Amount(Side::After), "Icicle of B")] {
        let changes = compared(&[700, 200, 500, 0, 200, 500, 0]);
        let harness = show(Fixture { changes: Some(changes), shown, ..fixture(sample()) });
        harness.get_by_role_and_label(Role::Canvas, name);
    }
}

#[test]
fn labels_have_a_sign_and_the_change_or_the_amount_of_their_side() {
    let tree = compared(&[700, 200, 500, 0, 300, 500, 0]);
    let row =
        |location: u32| TreeNodeId(tree.tree.nodes.iter().position(|node| node.location.0 == location).unwrap() as u32);
    let changes = |shown| Changes { tree: &tree, shown };
    let label = |shown, location| {
        let changes = changes(shown);
        format!("{}{}", changes.sign(row(location)), changes.size(row(location), Units::Binary))
    };
    assert_eq!(label(Shown::Change, 12), "\u{25b2} +400 B");
    assert_eq!(label(Shown::Change, 14), "+ +400 B");
    assert_eq!(label(Shown::Change, 15), "\u{25bc} \u{2212}150 B");
    assert_eq!(label(Shown::Amount(Side::Before), 12), "\u{25b2} 200 B");
    assert_eq!(label(Shown::Amount(Side::After), 12), "\u{25b2} 600 B");
}

#[test]
fn an_icicle_that_follows_another_shows_the_same_part_at_once_and_nothing_without_width() {
    let mut leader = show(fixture(sample()));
    double_click(&mut leader, 0.65, 1);
    let place = leader.state().icicle.place().cloned().unwrap();
    let mut follower = show(Fixture { is_animated: true, ..fixture(sample()) });
    follower.state_mut().icicle.follow(place.clone());
    follower.run_steps(1);
    assert_eq!(view(&follower), View::of(600, 300));
    assert_eq!(follower.state().icicle.place(), Some(&place), "it is not followed in turn");
    // There the frame has no width: all of what it lies in is shown.
    let flat = tree(&Branch::new(0, 1000).over([Branch::new(12, 600), Branch::new(16, 0)]));
    let mut follower = show(fixture(flat));
    follower.state_mut().icicle.follow(place);
    follower.run_steps(1);
    assert_eq!(view(&follower), View::of(0, 1000));
}
