"""An ORM: SQLAlchemy on SQLite. Tables, relations, queries, a change that is rolled back."""
from sqlalchemy import ForeignKey, String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    pages: Mapped[int]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def fill(session):
    for number in range(40):
        books = [Book(title=f"volume {volume} of {number}" * 3, pages=100 + volume) for volume in range(number % 7)]
        session.add(Author(name=f"author {number}", books=books))
    session.commit()


def ask(session):
    counts = select(Author.name, func.count(Book.id), func.sum(Book.pages)).join(Author.books).group_by(Author.id)
    rows = session.execute(counts.order_by(func.count(Book.id).desc(), Author.id)).all()
    print(len(rows), rows[:3])
    long = session.scalars(select(Book).where(Book.pages > 104).order_by(Book.id)).all()
    print([(book.author.name, book.title[:12]) for book in long][:4])


def change(session):
    author = session.get(Author, 7)
    author.name = "somebody else"
    del author.books[0]
    session.flush()
    session.rollback()
    print(session.get(Author, 7).name, len(session.get(Author, 7).books))


engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    fill(session)
    ask(session)
    change(session)
engine.dispose()
# SPDX-License-Identifier: Apache-2.0
