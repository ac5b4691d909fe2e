// SPDX-License-Identifier: Apache-2.0
//! Who gets the bias, who takes it, and that one at a time is inside.

use super::*;

impl<T> BiasedLock<T> {
    fn is_biased(&self) -> bool {
        !self.gate.biased_to.load(Ordering::Relaxed).is_null()
    }
}

/// Each test has a lock of its own, which lives for ever.
fn lock<T>(value: T) -> &'static BiasedLock<T> {
    allow_biases();
    assert!(CAN_BIAS.load(Ordering::Relaxed), "this kernel, or what this runs in, has no membarrier");
    Box::leak(Box::new(BiasedLock::new(value)))
}

#[test]
fn who_takes_it_often_gets_the_bias_until_another_wants_it() {
    let (lock, bias) = (lock(0), OwnBias::default());
    for turn in 0..=ROW {
        assert!(!lock.is_biased(), "{turn}");
        *lock.hold_often(&bias) += 1;
    }
    assert!(lock.is_biased());
    *lock.hold_often(&bias) += 1;
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(*lock.hold(), ROW + 2));
    });
    assert!(!lock.is_biased());
    *lock.hold_often(&bias) += 1;
    assert_eq!((*lock.hold(), lock.is_biased()), (ROW + 3, false));
}

#[test]
fn who_has_the_bias_and_forks_holds_it_as_all_do() {
    let (lock, bias) = (lock(0), OwnBias::default());
    (0..=ROW).for_each(|_| *lock.hold_often(&bias) += 1);
    assert!(lock.is_biased());
    std::mem::forget(lock.hold());
    assert!(!lock.is_biased());
    lock.release();
    assert_eq!(*lock.hold_often(&bias), ROW + 1);
}

#[test]
fn a_thread_that_ends_takes_its_bias_along() {
    let lock = lock(0);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let bias = OwnBias::default();
                (0..=2 * ROW).for_each(|_| *lock.hold_often(&bias) += 1);
                assert!(lock.is_biased());
            });
        });
        assert!(!lock.is_biased());
    }
    assert_eq!(*lock.hold(), 50 * (2 * ROW + 1));
}

#[test]
fn it_is_held_by_one_at_a_time_however_biases_come_and_go() {
    // Each thread leaves the two equal, and not so while it is inside.
    let lock = lock((0_u64, 0_u64));
    let turns = 300_000;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let bias = OwnBias::default();
                for turn in 0..turns {
                    let mut held = if turn % 10_000 == 0 { lock.hold() } else { lock.hold_often(&bias) };
                    assert_eq!(held.0, held.1);
                    held.0 += 1;
                    std::hint::black_box(&mut held);
                    held.1 += 1;
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..300 {
                sleep(100_000);
                let held = lock.hold();
                assert_eq!(held.0, held.1);
            }
        });
    });
    assert_eq!(*lock.hold(), (3 * turns, 3 * turns));
}

#[test]
fn biases_that_do_not_pay_are_given_later_and_later() {
    let (lock, bias) = (lock(()), OwnBias::default());
    let turns_until_biased = || {
        let turns = (1_u32..).find(|_| {
            drop(lock.hold_often(&bias));
            lock.is_biased()
        });
        turns.unwrap() - 1
    };
    let other = OwnBias::default();
    for needed in [ROW, 2 * ROW, 4 * ROW] {
        assert_eq!(turns_until_biased(), needed);
        drop(lock.hold_often(&other));
    }
    assert_eq!(turns_until_biased(), 8 * ROW);
    // One that seldom comes does not count: the bias is given again at once.
    drop(lock.hold());
    assert_eq!(turns_until_biased(), 0);
    (0..PAID).for_each(|_| drop(lock.hold_often(&bias)));
    drop(lock.hold_often(&other));
    assert_eq!(turns_until_biased(), 4 * ROW);
}

#[test]
fn stores_are_given_the_time_that_they_may_take() {
    let begun = monotonic_ns();
    await_finished_stores();
    assert!(monotonic_ns() - begun >= FINISHED_NS);
}

#[test]
fn who_finds_it_held_by_a_bias_waits() {
    let lock = lock(0);
    let (bias, entered) = (OwnBias::default(), AtomicBool::new(false));
    (0..=ROW).for_each(|_| *lock.hold_often(&bias) = 1);
    std::thread::scope(|scope| {
        let mut held = lock.hold_often(&bias);
        let waiting = scope.spawn(|| {
            entered.store(true, Ordering::Relaxed);
            *lock.hold()
        });
        while !entered.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        *held = 7;
        drop(held);
        assert_eq!(waiting.join().unwrap(), 7);
    });
}
