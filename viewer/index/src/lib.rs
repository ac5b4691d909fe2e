// SPDX-License-Identifier: Apache-2.0
//! A capture's index, and every question asked of it. No window, no text.
//!
//! [`Index`] leads: it opens a capture (building its index once), and answers [`Question`]s with [`Answer`]s, which
//! become trees ([`Tree`]) and tables ([`Row`]).

mod answer;
mod ask;
mod build;
pub mod cache;
mod call_tree;
mod charge;
mod columns;
mod error;
pub mod family;
mod filter;
mod growth;
mod ids;
mod index;
mod info;
mod location;
mod location_table;
mod modules;
mod names;
mod native;
mod packed;
mod progress;
mod question;
mod site;
mod site_columns;
mod source;
mod sql;
mod statistics;
mod store;
mod table;
mod timeline;
mod together;
mod translation;
mod tree;
mod waiting;

pub use answer::{Amount, Answer, StackAmount};
pub use ask::bands::{Band, Bands};
pub use ask::distribution::Distribution;
pub use ask::pattern::what_is_wrong;
pub use ask::sandwich::Sandwich;
pub use ask::tables::sum_rows;
pub use ask::tree_layout::{LooseNode, lay_out_in_order};
pub use call_tree::CallTree;
pub use charge::Charge;
pub use error::{Error, Refusal};
pub use filter::{ChargedTo, Filter, LifetimeRange, NamedFunction, Pattern, SizeRange};
pub use growth::{GrowthBy, GrowthCurve, GrowthRow, GrowthShape};
pub use ids::{LocationId, NodeId, SiteId, StringId, ThreadIndex};
pub use index::{Index, OpenOptions, Origin, Thread, TreeOptions};
pub use info::{CaptureInfo, Ending, RecordCounts, Recorder, StoppedBy};
pub use location::{FrameKind, Location, LocationTraits};
pub use names::Names;
pub use native::NativeSymbols;
pub use native::stack::NativeFrameInfo;
pub use progress::{Progress, Provisional};
pub use question::{Mode, Moment, Question, TimeRange};
pub use site::{NativeStack, Site, SizeClass};
pub use source::recognise;
pub use sql::{SCHEMA as SQL_SCHEMA, Sql, SqlError, SqlRows, SqlValue};
pub use statistics::{SizeBin, Statistics, StatisticsRow};
pub use table::{GroupBy, Row, RowKey, RowSites};
pub use timeline::{LatestTimes, SnapshotRow, Timeline};
pub use together::Together;
pub use translation::Translation;
pub use tree::{Tree, TreeNode, TreeNodeId};
